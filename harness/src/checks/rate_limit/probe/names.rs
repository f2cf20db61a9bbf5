//! Calls in the name of others, while the quota of this caller is used up.

use super::super::look::{CLAIMS, Ending, Named, Observation, ending};
use super::super::spec::Windows;
use super::Bench;
use crate::kind::ProbeError;
use std::time::Instant;

/// Headers in which a caller may claim to be another.
const NAMES: [&str; 3] = ["x-forwarded-for", "x-real-ip", "forwarded"];
/// Most of them, where the edge of a window might let a whole quota in.
const MOST: u32 = 200;

impl Bench<'_> {
    /// Calls in other names. `began`: before the burst that used the quota up, of which so many were admitted.
    pub(super) async fn in_other_names(&self, began: Instant, admitted: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let rate = &self.spec.b;
        let mut admitted = u64::from(admitted);
        for name in NAMES {
            if seen.names.get(name).is_some_and(|named| named.asked >= CLAIMS && named.admitted == 0) {
                continue;
            }
            // With fixed windows a whole quota more may have come back; what is beyond that is not due.
            let claims = if rate.windows() == Windows::Fixed { rate.quota().min(MOST) + CLAIMS } else { CLAIMS };
            for n in 0..claims {
                // Addresses that are nobody's (RFC 5737).
                let address = format!("203.0.113.{}", n % 250 + 1);
                let value = if name == "forwarded" { format!("for={address}") } else { address };
                let answer = self.call(seen, Some((name, &value))).await?;
                let took = self.cx.stopwatch().since(began).hi;
                match ending(rate, &answer) {
                    Ending::Refused => seen.names.entry(name.to_owned()).or_default().asked += 1,
                    Ending::Broken => {}
                    Ending::Admitted => {
                        admitted += 1;
                        if admitted <= rate.most_in(took) {
                            continue;
                        }
                        // Whether it is the name: without it nothing may be admitted either.
                        let plain = self.call(seen, None).await?;
                        match ending(rate, &plain) {
                            Ending::Admitted => admitted += 1,
                            Ending::Broken => {}
                            Ending::Refused => {
                                let named = seen.names.entry(name.to_owned()).or_default();
                                named.asked += 1;
                                named.admitted += 1;
                                named.example.get_or_insert(answer);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Nothing more is to be seen of other names: under each of them all were refused, or often enough one was admitted.
    pub(super) fn is_named(&self, seen: &Observation) -> bool {
        let is_told = |name: &&str| {
            let enough = |named: &Named| named.asked >= CLAIMS && named.admitted == 0 || named.admitted as usize >= self.enough();
            seen.names.get(*name).is_some_and(enough)
        };
        !self.round.wants(super::table::KEY) || NAMES.iter().all(is_told)
    }
}
