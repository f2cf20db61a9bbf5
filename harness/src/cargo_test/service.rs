//! A service of the tests' own, in their process: bound before the plan is made, served once something runs.

use super::{NotRun, runtime};
use crate::plan::Plan;
use crate::report::writer;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a service may hold up the end of the tests with work that cannot be dropped.
const GRACE: Duration = Duration::from_secs(1);

/// Serves on a listener until it is dropped.
pub(super) type Serve = Box<dyn FnOnce(TcpListener) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A service that has its port and does not serve yet.
pub(super) struct Listening {
    /// The target that it is.
    pub(super) target: String,
    /// Where it listens.
    pub(super) address: SocketAddr,
    listener: TcpListener,
    serve: Serve,
}

impl Listening {
    /// Takes a free port of loopback.
    pub(super) fn bind(target: String, serve: Serve) -> Result<Self, NotRun> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = bound.map_err(|error| NotRun::harness(format!("no free port for the service `{target}`: {error}")))?;
        Ok(Self { target, address, listener, serve })
    }

    /// Refuses a name that no check targets.
    pub(super) fn is_judged(&self, plan: &Plan) -> Result<(), NotRun> {
        if plan.targets.contains_key(self.target.as_str()) {
            return Ok(());
        }
        let known: Vec<_> = plan.targets.keys().map(|name| format!("`{name}`")).collect();
        let text = format!(
            "no check targets `{}`, so the service of that name would not be judged\n  help: the checks target {}",
            self.target,
            known.join(", ")
        );
        Err(NotRun { text, code: 2 })
    }

    /// Serves from now on.
    pub(super) fn start(self) -> Result<Serving, NotRun> {
        let runtime = runtime()?;
        let Self { target, listener, serve, .. } = self;
        runtime.spawn(async move {
            serve(listener).await;
            writer::err(&format!("the service `{target}` has ended while its tests ran\n"));
        });
        Ok(Serving(Some(runtime)))
    }
}

/// A service that serves until this is dropped.
pub(super) struct Serving(Option<Runtime>);

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(GRACE);
        }
    }
}
