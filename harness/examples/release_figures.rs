//! Measures salvos: how long it takes from the first last byte to the last one, plain and for as many requests as a limit may have.
//! Prints one line a figure. Built and run by `ci/bench.sh release`; only an optimised build says anything.

#![expect(clippy::disallowed_macros, reason = "a bench prints its figures")]

use allclear::transport::held::{Order, Settled};
use allclear::transport::{Endpoint, Exchange, OutBody, Outgoing, Wishes};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Salvos of one size.
const TURNS: usize = 30;
/// The sizes that are promised, each with its goal in milliseconds, and the largest that a limit of 1,000 needs.
const SIZES: [(usize, f64); 3] = [(64, 1.0), (1000, 10.0), (2010, 25.0)];
const BODY: &str = r#"{"work-ms":500}"#;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let to = serve().await?;
    for (count, goal) in SIZES {
        let (mut spreads, mut settles, mut holds) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let url: url::Url = format!("http://{to}/").parse().expect("an address makes a URL");
            let mut out = Outgoing::new(http::Method::POST, url.clone());
            out.body = OutBody::Bytes(BODY.into());
            let orders = vec![Order { endpoint: Endpoint::new(url), out, wishes: Wishes::default() }; count];
            let began = tokio::time::Instant::now();
            let salvo = Exchange::default().hold(&orders).await.map_err(|e| std::io::Error::other(e.to_string()))?;
            holds.push(began.elapsed());
            if let Some(lost) = salvo.lost().next() {
                return Err(std::io::Error::other(format!("{count} connections cannot be opened here: {lost}")));
            }
            let began = tokio::time::Instant::now();
            if let Settled::Stuck(stuck) = salvo.settled(Duration::from_secs(10)).await {
                return Err(std::io::Error::other(format!("{stuck} of {count} connections were not ready")));
            }
            settles.push(began.elapsed());
            let released = salvo.release().await;
            spreads.push(released.spread());
            let end = tokio::time::Instant::now() + Duration::from_secs(20);
            for flight in released.flights.into_iter().flatten() {
                flight.answer(end).await.map_err(|e| std::io::Error::other(e.to_string()))?;
            }
        }
        println!(
            "release of {count}: median {:.2} ms, slowest of {TURNS} {:.2} ms (goal {goal} ms); opened in {:.0} ms, known to be there in {:.0} ms",
            at(&mut spreads, 0.5),
            at(&mut spreads, 1.0),
            at(&mut holds, 0.5),
            at(&mut settles, 0.5)
        );
    }
    Ok(())
}

/// Answers each request once it is whole, on the same cores as ours, as a service beside us would.
async fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut got = Vec::new();
                while !got.ends_with(BODY.as_bytes()) {
                    if !stream.read_buf(&mut got).await.is_ok_and(|n| n > 0) {
                        return;
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            });
        }
    });
    Ok(address)
}

/// Milliseconds below which this share lies.
fn at(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
}
