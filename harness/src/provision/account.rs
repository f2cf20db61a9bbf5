//! Whom a program runs as where this run is root's: some programs refuse to be root.

use crate::transport::process::Account;
use nix::unistd::{User, geteuid};

/// The account of this name if we are root, and none where we are not: then the program runs as whoever started us.
///
/// # Errors
/// There is no such user, or the system does not say.
pub(super) fn account(name: &str) -> Result<Option<Account>, String> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok(Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() })),
        Ok(None) => Err(format!("there is no user `{name}` here, and it is not to run as root")),
        Err(why) => Err(format!("whether there is a user `{name}` cannot be told: {why}")),
    }
}
