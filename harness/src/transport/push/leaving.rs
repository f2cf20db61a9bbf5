//! Waits until what was given has left this machine, as far as that can be known.

use super::super::kernel::{self, Left, Pair};
use std::{pin::Pin, time::Duration};
use tokio::time::sleep;

/// Such a wait.
pub(crate) type Leaving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Between two looks at whether all has left.
const LOOK: Duration = Duration::from_millis(20);
/// Where the system does not tell: how much it may still hold, and how many bytes a second leave it at the least.
const BUFFERS: u64 = 4 << 20;
const PACE: u64 = 1 << 20;

/// Waits until nothing of the `given` bytes was there at so many looks in a row. Whoever waits has a time for it. One look is enough where
/// nobody but the kernel holds anything; a library that hands bytes on by itself needs a second.
pub(crate) async fn all_left(pair: Pair, given: u64, looks: u32) {
    let mut clear = 0;
    loop {
        match kernel::has_left(pair).await {
            Left::Yes => clear += 1,
            Left::No => clear = 0,
            Left::Untold => return sleep(untold(given)).await,
        }
        if clear >= looks {
            return;
        }
        sleep(LOOK).await;
    }
}

/// How long it may take until so many bytes have left where nobody tells.
fn untold(given: u64) -> Duration {
    Duration::from_millis(given.min(BUFFERS) * 1000 / PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_tells_the_wait_is_that_of_a_slow_way_and_bounded() {
        assert_eq!([0, 1 << 19, 10 << 30].map(|given| untold(given).as_millis()), [0, 500, 4000]);
    }

    #[tokio::test]
    async fn what_a_unix_socket_took_has_left() {
        all_left(None, 1 << 30, 2).await;
    }
}
