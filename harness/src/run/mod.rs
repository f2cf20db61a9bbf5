//! The run: takes a plan, holds the service to it, and tells what happens as events.

mod attempt;
mod cleanup;
mod clock;
mod control;
mod decide;
mod id;
mod interrupt;
mod order;
mod poll;
mod self_watch;
mod session;
mod tell;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod world;
mod write;

pub use interrupt::Interrupt;
pub use session::{Options, Session};
