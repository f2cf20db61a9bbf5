//! The run: takes a plan, holds the service to it, and tells what happens as events.

mod attempt;
mod clock;
mod control;
mod decide;
mod id;
mod poll;
mod self_watch;
