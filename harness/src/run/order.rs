//! What waits for what: gates that can never wait in a circle, and which checks others still depend on.

use crate::plan::{Alone, Entry, Plan};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The waiting order of a plan.
#[derive(Debug)]
pub(crate) struct Order {
    /// For each entry, the gates that it waits for.
    pub(crate) gates: Vec<Vec<usize>>,
    /// For each entry, whether another one needs it.
    pub(crate) is_needed: Vec<bool>,
    /// For each entry, whether it gets a stand of its own, so that it may break it beside all others.
    pub(crate) owns_stand: Vec<bool>,
}

impl Order {
    /// Reads the order from the plan. A gate and what it needs wait only for gates that stand before it: that is what makes
    /// a circle through gates impossible, whatever the suites say.
    pub(crate) fn of(plan: &Plan) -> Self {
        let entries = &plan.entries;
        let mut rank = vec![usize::MAX; entries.len()];
        let mut gates: Vec<usize> = entries.iter().flat_map(|e| e.gates.iter().copied()).collect();
        gates.sort_unstable();
        gates.dedup();
        for gate in gates {
            let mut open = vec![gate];
            while let Some(i) = open.pop() {
                if rank[i] > gate {
                    rank[i] = gate;
                    open.extend(&entries[i].needs);
                }
            }
        }
        let before = |(i, e): (usize, &Entry)| e.gates.iter().copied().filter(|g| *g < rank[i]).collect();
        let mut is_needed = vec![false; entries.len()];
        for need in entries.iter().flat_map(|e| &e.needs) {
            is_needed[*need] = true;
        }
        let owns_stand = entries.iter().zip(&is_needed).map(|(e, is_needed)| owns_stand(plan, e, *is_needed)).collect();
        Self { gates: entries.iter().enumerate().map(before).collect(), is_needed, owns_stand }
    }
}

/// Whether a check gets a stand of its own: it breaks what this run can start once more, and what it works on was not made by
/// another check, nor is what it makes used by one. Those share the common stand, one after the other.
fn owns_stand(plan: &Plan, entry: &Entry, is_needed: bool) -> bool {
    let Some(provision) = &plan.provision else { return false };
    let demands = &entry.check.planning.demands;
    let takes = demands.uses.iter().any(|(name, _)| !provision.sets().any(|(set, _)| set == *name));
    let gives = is_needed && !demands.gives.is_empty();
    entry.alone == Alone::OnStand && entry.check.target == provision.target && provision.starts_twice() && !takes && !gives
}

/// Who may run beside whom: ordinary checks share their target and the stand, a loading one has its target for itself, a
/// breaking one the stand. The locks are fair, so neither sort of check starves the other.
#[derive(Debug)]
pub(crate) struct Company {
    stand: Arc<RwLock<()>>,
    targets: HashMap<Arc<str>, Arc<RwLock<()>>>,
}

/// Held while a check runs.
#[expect(dead_code, reason = "guards are held for what their drop does")]
pub(crate) enum Place {
    /// Beside others.
    Shared(OwnedRwLockReadGuard<()>, OwnedRwLockReadGuard<()>),
    /// The target for itself.
    Target(OwnedRwLockReadGuard<()>, OwnedRwLockWriteGuard<()>),
    /// The stand for itself.
    Stand(OwnedRwLockWriteGuard<()>),
}

impl Company {
    /// `None` where no check of the plan wants to be alone on what is common: then nobody waits and nothing is counted.
    pub(crate) fn of(plan: &Plan, order: &Order) -> Option<Self> {
        let wants = |(e, owns): (&Entry, &bool)| e.alone != Alone::No && e.skip.is_none() && !owns;
        plan.entries.iter().zip(&order.owns_stand).any(wants).then(|| Self {
            stand: Arc::default(),
            targets: plan.entries.iter().map(|e| (e.check.target.clone(), Arc::default())).collect(),
        })
    }

    /// Waits until the check may run. The stand is always taken before the target, so nobody waits in a circle.
    pub(crate) async fn enter(&self, target: &str, alone: Alone) -> Place {
        if alone == Alone::OnStand {
            return Place::Stand(self.stand.clone().write_owned().await);
        }
        let stand = self.stand.clone().read_owned().await;
        let target = self.targets.get(target).expect("every target of the plan has a lock").clone();
        match alone {
            Alone::OnTarget => Place::Target(stand, target.write_owned().await),
            Alone::No | Alone::OnStand => Place::Shared(stand, target.read_owned().await),
        }
    }
}
