//! Calls in the name of others, while the quota of this caller is used up.

use super::super::look::{CLAIMS, Ending, NAMES, Named, Observation, ending};
use super::Bench;
use crate::kind::ProbeError;
use std::time::Instant;

/// Calls that were answered by nothing that tells, after which the header is not tried in another window.
const BROKEN: u32 = CLAIMS * 2;

impl Bench<'_> {
    /// Calls in other names. `began`: before the burst that used the quota up, of which so many were admitted.
    pub(super) async fn in_other_names(&self, began: Instant, admitted: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let rate = &self.spec.b;
        let mut admitted = u64::from(admitted);
        for name in NAMES {
            if seen.names.get(name).is_some_and(is_told) {
                continue;
            }
            let mut named = seen.names.entry(name.to_owned()).or_default().clone();
            let (mut refused, mut broken) = (0, 0);
            for n in 0..rate.claims() {
                // Addresses that are nobody's (RFC 5737).
                let address = format!("203.0.113.{}", n % 250 + 1);
                let value = if name == "forwarded" { format!("for={address}") } else { address };
                let answer = self.call(seen, Some((name, &value))).await?;
                let took = self.cx.stopwatch().since(began).hi;
                match ending(rate, &answer) {
                    Ending::Refused => {
                        refused += 1;
                        named.asked += 1;
                    }
                    Ending::Broken => {
                        broken += 1;
                        named.broken += 1;
                        named.broken_one = Some(answer);
                    }
                    Ending::Admitted => {
                        admitted += 1;
                        // Whether it is the name: without it nothing may be admitted either.
                        let plain = if admitted > rate.most_in(took) { Some(self.call(seen, None).await?) } else { None };
                        match plain.map(|plain| ending(rate, &plain)) {
                            Some(Ending::Refused) => {
                                named.asked += 1;
                                named.admitted += 1;
                                named.example.get_or_insert(answer);
                            }
                            Some(Ending::Admitted) => {
                                admitted += 1;
                                named.due += 1;
                            }
                            Some(Ending::Broken) | None => named.due += 1,
                        }
                    }
                }
                // What is noted at every call can be read whenever the deadline comes.
                seen.names.insert(name.to_owned(), named.clone());
                // Whoever has a quota of his own is admitted at once, and after a window it is anybody's.
                if refused >= CLAIMS || broken >= CLAIMS || took >= rate.window() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Nothing more is to be seen of other names: under each of them all were refused, or often enough one was admitted.
    pub(super) fn is_named(&self, seen: &Observation) -> bool {
        let is_over =
            |name: &&str| seen.names.get(*name).is_some_and(|n| is_told(n) || n.admitted as usize >= self.enough() || n.broken >= BROKEN);
        !self.round.wants(super::table::KEY) || NAMES.iter().all(is_over)
    }
}

/// All were refused, often enough.
fn is_told(named: &Named) -> bool {
    named.asked >= CLAIMS && named.admitted == 0
}
