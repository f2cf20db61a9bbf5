//! Services that are asked to end: one that says so first, and ones that do not.

use crate::checks::ready::Ready;
use crate::kind::faulty::{Faulty, standing};
use crate::kind::testing::{look_in, spec, told};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// How it leaves.
#[derive(Clone, Copy)]
enum Leaves {
    /// Not ready at once, its listener closed later.
    First,
    /// Ready until its listener is closed.
    AtOnce,
    /// Not at all.
    Never,
}

/// A service that is told to end by the stand.
async fn service(stand: &Faulty, leaves: Leaves) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ending, gone) = (stand.ending.clone(), stand.gone.clone());
    tokio::spawn(async move {
        let closing = async {
            ending.cancelled().await;
            match leaves {
                Leaves::First => tokio::time::sleep(Duration::from_millis(300)).await,
                Leaves::AtOnce => {}
                Leaves::Never => std::future::pending().await,
            }
        };
        let serving = async {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 2048];
                _ = stream.read(&mut head).await;
                let is_ready = !(ending.is_cancelled() && matches!(leaves, Leaves::First));
                let crate::kind::testing::Reply::Bytes(bytes) = standing(is_ready, true) else { unreachable!("it is made of bytes") };
                _ = stream.write_all(&bytes).await;
            }
        };
        tokio::select! {
            () = closing => {}
            () = serving => {}
        }
        drop(listener);
        gone.cancel();
    });
    address
}

async fn tell(leaves: Leaves) -> Vec<String> {
    let stand = Faulty::default();
    let address = service(&stand, leaves).await;
    let kind = spec::<Ready>("{ get: /ready, within: 30s }");
    told(&look_in(&kind, &stand.context(address), &["ready/becomes", "ready/leaves-first"]).await)
}

#[tokio::test]
async fn who_says_so_before_it_closes_leaves_first() {
    assert_eq!(tell(Leaves::First).await, ["held", "held"]);
}

#[tokio::test]
async fn who_is_ready_until_its_listener_is_closed_is_broken() {
    let told = tell(Leaves::AtOnce).await;
    assert!(told[0] == "held" && told[1].starts_with("proof ready, and at most"), "{told:?}");
}

#[tokio::test]
async fn who_does_not_leave_shows_nothing() {
    let told = tell(Leaves::Never).await;
    assert!(told[1].starts_with("unsure") && told[1].ends_with("it was ready, and its listener open"), "{told:?}");
}
