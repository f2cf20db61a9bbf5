//! What is claimed of which answers.

use super::*;

fn answer(status: u16, media_type: &str, body: &str) -> Came {
    Came::Answer(Look { status, media_type: Some(media_type.to_owned()), text: Some(body.to_owned()), ..Look::default() })
}

fn json(status: u16, body: &str) -> Came {
    answer(status, "application/json", body)
}

fn tour(nowhere: Came, role: Role, path: &str, is_named: bool, looks: Vec<Came>) -> Tour {
    let visits = vec![Visit { role, path: path.to_owned(), is_named, looks }];
    Tour { nowhere, visits, unseen: Vec::new(), gets: 0, took: Duration::ZERO }
}

/// Three looks at `/health` of a service that knows what is not there: the facts, or why there are none.
fn health(bodies: [&str; 3]) -> Result<Vec<Fact>, String> {
    let looks = bodies.iter().map(|body| json(200, body)).collect();
    let claims = Claims::of(&tour(json(404, "{}"), Role::Live, "/health", false, looks));
    claims.live.map(|claim| claim.facts).ok_or_else(|| claims.notes[0].1.clone())
}

#[test]
fn a_word_is_claimed_if_it_says_well_and_never_changes() {
    let word = |name: &str, word: &str| Fact::Word(name.to_owned(), word.to_owned());
    assert_eq!(
        health([r#"{"status":"healthy","at":1}"#, r#"{"status":"healthy","at":2}"#, r#"{"status":"healthy"}"#]),
        Ok(vec![word("status", "healthy")])
    );
    assert_eq!(health([r#"{"status":"up","ok":true}"#; 3]), Ok(vec![word("status", "up"), Fact::True("ok".to_owned())]));
    assert_eq!(health([r#"{"status":"ok"}"#, r#"{"status":"up"}"#, r#"{"status":"ok"}"#]), Ok(vec![]));
    assert_eq!(health([r#"{"status":"degraded"}"#; 3]), Ok(vec![]));
    // A key that stands twice is ambiguous, and what is not always a document is none.
    assert_eq!(health([r#"{"status":"ok","status":"ok"}"#; 3]), Ok(vec![]));
    assert_eq!(health([r#"{"status":"ok"}"#, "", r#"{"status":"ok"}"#]), Ok(vec![]));
    assert_eq!(health(["OK"; 3]), Ok(vec![Fact::Text("OK".to_owned())]));
    assert_eq!(health(["OK", "OK", "Hello"]), Ok(vec![]));
    // What the reader of a check would refuse is no document here either.
    assert_eq!(health(["\u{feff}{\"status\":\"ok\"}"; 3]), Ok(vec![]));
}

#[test]
fn what_contradicts_itself_is_told_and_not_claimed() {
    assert!(health([r#"{"status":"down"}"#; 3]).is_err_and(|why| why.contains("down")));
    let looks = vec![json(200, "{}"), json(503, "{}"), json(200, "{}")];
    let claims = Claims::of(&tour(json(404, "{}"), Role::Live, "/health", false, looks));
    assert!(claims.is_empty() && claims.notes[0].1.contains("now 200 application/json, now 503"), "{:?}", claims.notes);
}

#[test]
fn a_server_that_answers_everything_says_nothing_of_a_path() {
    let page = || answer(200, "text/html", "<html>welcome</html>");
    let claims = |nowhere, looks, is_named| Claims::of(&tour(nowhere, Role::Live, "/health", is_named, looks));
    assert!(claims(page(), vec![answer(200, "text/html", "<html>other</html>")], false).is_empty());
    assert!(claims(json(200, r#"{"status":"ok"}"#), vec![json(200, r#"{"status":"ok"}"#)], false).is_empty());
    assert!(claims(json(200, r#"{"path":"/a"}"#), vec![json(200, r#"{"path":"/b"}"#)], false).is_empty());
    // A document where everything else is a page is something else.
    assert!(claims(page(), vec![json(200, r#"{"status":"ok"}"#)], false).live.is_some());
    // Who names it knows it; that it says little is told.
    let named = claims(page(), vec![page()], true);
    assert!(named.live.is_some() && named.notes[0].1.contains("says little"), "{:?}", named.notes);
}

#[test]
fn what_is_not_there_is_silent_and_what_was_named_is_told() {
    let claims = |status, is_named| Claims::of(&tour(json(404, "{}"), Role::Ready, "/ready", is_named, vec![json(status, "{}")]));
    assert!(claims(404, false).notes.is_empty());
    let in_vain = claims(404, true);
    assert_eq!(in_vain.notes, [("/ready".to_owned(), "there is nothing (404)".to_owned())]);
    assert!(claims(503, false).notes[0].1.contains("not ready"));
    assert!(claims(401, false).notes[0].1.contains("needs a login"));
    let moved = Came::Answer(Look { status: 301, location: Some("/ready/\u{1b}[2J".to_owned()), ..Look::default() });
    let told = Claims::of(&tour(json(404, "{}"), Role::Ready, "/ready", false, vec![moved]));
    assert!(told.notes[0].1.starts_with("redirects to /ready/\\x1b[2J (301)"), "{:?}", told.notes);
}

#[test]
fn a_build_is_what_stays_the_same() {
    let claims = |bodies: [&str; 2]| {
        let looks = bodies.iter().map(|body| json(200, body)).collect();
        Claims::of(&tour(json(404, "{}"), Role::Build, "/version", false, looks)).build
    };
    let both = claims([r#"{"git_sha":"a","version":"1","started_at":"x"}"#; 2]).expect("it tells a build");
    assert_eq!(both.facts, [Fact::There("git_sha".to_owned()), Fact::There("version".to_owned())]);
    assert_eq!(both.others, ["started_at"]);
    assert_eq!(claims([r#"{"git_sha":"a"}"#, r#"{"git_sha":"b"}"#]), None);
    assert_eq!(claims([r#"{"git_sha":""}"#; 2]), None);
}
