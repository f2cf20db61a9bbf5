//! Reaches out: the one HTTP engine, plain connections, and the permits that hold both to what the environment allows.
//!
//! HTTP/1 is read by our own strict reader, since a general client forgives what is to be judged; HTTP/2 goes through hyper.

mod answer;
mod ask;
mod body;
mod chunked;
mod connect;
mod curl;
pub mod dawdle;
mod decode;
pub mod descriptors;
mod dial;
mod exchange;
mod h1;
mod h2;
mod head;
pub mod held;
mod kernel;
mod permits;
mod pool;
pub mod process;
mod push;
mod redirect;
pub mod relay;
mod request;
pub mod sse;
mod stream;
mod tls;
mod trouble;
mod upload;
mod wire;

pub use answer::{Answer, Failed, Hop, Phases, TlsSeen, Version};
pub use ask::{BodyFactory, CaBundle, Caps, Endpoint, OutBody, Outgoing, Resolve, Speak, Timeouts, Wishes};
pub use curl::curl;
pub use dial::{Dialed, Pins, tcp};
pub use exchange::{Exchange, Options};
pub use permits::{Claim, Permits};
pub use push::{After, Counter, Cut, Pieces, Push, Pushed, Runs, Sent};
pub use stream::{EndedBy, Opening, Piece, Streaming};
pub use trouble::{DecodeFault, FramingFault, OwnTrouble, Stage, TlsFault, Trouble};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
