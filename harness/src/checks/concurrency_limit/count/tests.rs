//! Waves by hand: the guard bands, the certificate, and what needs neither.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// `200@600`: served at that moment (of work that takes 600 ms); `429@5`, `x@5` broken, `-@2000` silent; `200@590..640` as an interval.
fn landed(text: &str) -> Vec<Landed> {
    text.split_whitespace()
        .map(|one| {
            let (what, when) = one.split_once('@').expect("what@when");
            let (what, replica) = what.split_once('/').map_or((what, None), |(what, name)| (what, Some(name.to_owned())));
            let (lo, hi) = when.split_once("..").unwrap_or((when, when));
            let ms = |text: &str| MS(text.parse().expect("a number"));
            let ending = match what {
                "200" => Ending::Served,
                "429" => Ending::Refused,
                "-" => Ending::Silent,
                _ => Ending::Broken,
            };
            Landed { end: Interval { lo: ms(lo), hi: ms(hi) }, ending, replica }
        })
        .collect()
}

fn terms(limit: u32) -> Terms {
    Terms { limit, replicas: 1, apart: false, takes: MS(600), longest: MS(600), short: None, spread: MS(1), refuses: true }
}

#[track_caller]
fn check_with(terms: Terms, text: &str, expected: &str) {
    let (wave, _) = count(&landed(text), &terms);
    let told = match &wave.proves {
        Proves::Void(why) => format!("void {why}"),
        other => format!("{other:?} {}", wave.line()).to_lowercase(),
    };
    assert!(told.starts_with(expected), "{told}");
}

#[track_caller]
fn check(limit: u32, text: &str, expected: &str) {
    check_with(terms(limit), text, expected);
}

#[test]
fn as_many_as_the_limit_are_admitted_and_the_next_is_refused_or_waits() {
    check(2, "200@601 200@610", "kept 2 sent: 2 admitted at once");
    check(2, "200@601 200@610 429@3", "kept 3 sent: 2 admitted at once, 1 refused");
    check(2, "200@601 200@610 200@1205", "kept 3 sent: 2 admitted at once, 1 a slot's time later");
    check(
        2,
        "200@601 200@610 200@1205 200@1206 200@1810 -@3000",
        "kept 6 sent: 2 admitted at once, 3 a slot's time later, 1 never answered",
    );
    check(2, "429@3 200@601 429@3 200@610 429@4 429@9", "kept 6 sent: 2 admitted at once, 4 refused");
}

#[test]
fn more_or_fewer_than_the_limit_are_told() {
    check(2, "200@601 200@602 200@610", "over 3 sent: 3 admitted at once");
    check(2, "200@601 200@602 200@610 429@5", "over 4 sent: 3 admitted at once, 1 refused");
    check(2, "200@601 429@3", "under 2 sent: 1 admitted at once, 1 refused");
    check(2, "200@601 200@1203", "under 2 sent: 1 admitted at once, 1 a slot's time later");
    check(3, "429@3 429@3 429@4", "under 3 sent: 3 refused");
    check(2, "200@601 200@1203 429@3", "under 3 sent: 1 admitted at once, 1 refused, 1 a slot's time later");
    check(2, "200@601 x@3", "broken 2 sent: 1 admitted at once, 1 broken");
    check(2, "-@3000 -@3000", "broken 2 sent: 2 broken");
}

#[test]
fn what_ends_between_the_two_bands_makes_the_wave_void_unless_it_is_over_already() {
    check(2, "200@601 200@950", "void 1 ended more than 300 ms after the first");
    check(2, "200@601 200@602 200@950", "void 1 ended more than 300 ms after the first");
    check(2, "200@601 200@950 429@3 429@3", "void");
    check(2, "200@601 200@602 200@603 200@950", "over");
    check(2, "200@601 200@900..1400", "void");
}

#[test]
fn a_wave_that_this_machine_slept_through_proves_nothing_of_more_and_nothing_of_fewer() {
    // All three are read after a stall of 1.2 s: any of them may have been served in a second or third wave.
    check(1, "200@600..1800 200@600..1800 200@600..1800", "void");
    check(2, "200@600..1800 200@600..1800", "void");
    // A refusal needs no clock.
    check(2, "200@600..1800 429@5..1800", "under");
}

#[test]
fn without_the_certificate_a_wave_proves_nothing() {
    check_with(Terms { spread: MS(601), ..terms(2) }, "200@601 200@602 200@610", "void the first was served before the last was released");
    check_with(Terms { spread: MS(121), ..terms(2) }, "200@601 200@602 200@610", "void the releases lay 121 ms apart");
    check_with(Terms { spread: MS(119), ..terms(2) }, "200@601 200@602 200@610", "over");
}

#[test]
fn a_wave_that_is_served_much_sooner_than_one_alone_proves_nothing() {
    // From a cache: three at once, none of which held a slot.
    check(2, "200@5 200@6 200@7", "void the first was served after 5.0 ms already");
    check(2, "200@301 200@302 200@303", "over");
}

#[test]
fn several_processes_have_the_limit_each() {
    let two = Terms { replicas: 2, ..terms(2) };
    check_with(two, "200@601 200@602 200@610 200@611 429@3", "kept");
    check_with(two, "200@601 200@602 200@610 429@4 429@3", "kept");
    check_with(two, "200@601 200@602 200@610 200@611 200@611", "over");
    let apart = Terms { apart: true, ..two };
    check_with(apart, "200/a@601 200/a@602 200/b@610 429/a@3", "kept");
    check_with(apart, "200/a@601 200/a@602 200/a@610 429/b@3", "over");
}

#[test]
fn each_process_is_to_be_seen_and_to_have_its_slots() {
    let apart = Terms { replicas: 2, apart: true, ..terms(2) };
    // One of them refuses though it has taken one only.
    check_with(apart, "200/a@601 200/a@602 200/b@610 429/b@3 429/a@3", "under");
    check_with(apart, "200/a@601 200/a@602 429/b@3 429/a@3 429/a@3", "under");
    // A proxy before the two names itself.
    check_with(apart, "200/a@601 200/a@602 200/b@610 200/b@611 429/p@3 429/p@3", "kept");
    check_with(apart, "200/a@601 200/a@602 200/b@610 200@611 429/a@3", "void 1 were admitted by an answer that does not name its process");
    check_with(apart, "200/a@601 200/a@602 429/a@3 429/a@3 429/a@3", "void only 1 of 2 processes answered");
    check_with(apart, "200/a@601 200/a@602 200/b@610 429/a@3 429/a@3 429/a@3 429/a@3 429/a@3", "void only 1 of 8 were admitted by b");
    check_with(apart, "200/a@601 200/a@602 200/b@610 200/b@611 429/a@3 429/b@3 429/a@3 429/b@3", "kept");
}

#[test]
fn who_is_never_answered_waits_only_where_a_refusal_is_declared() {
    let queue = Terms { refuses: false, ..terms(2) };
    check_with(queue, "200@601 200@610 -@9000", "broken 3 sent: 2 admitted at once, 1 broken");
    check_with(queue, "200@601 200@610 200@1205", "kept");
}

#[track_caller]
fn later(text: &str, released: u64, expected: &str) {
    let all = landed(text);
    let (last, first) = all.split_last().expect("one more");
    let (mut wave, _) = count(first, &terms(2));
    one_more(&mut wave, last, Interval::exact(MS(released)), &terms(2));
    let told = format!("{:?} {}", wave.proves, wave.line()).to_lowercase();
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn one_more_that_comes_half_way_is_refused_or_waits_for_a_slot() {
    later("200@601 200@610 429@305", 300, "kept 3 sent: 2 admitted at once, 1 refused");
    later("200@601 200@610 200@1205", 300, "kept 3 sent: 2 admitted at once, 1 a slot's time later");
    later("200@601 200@610 200@905", 300, "over 3 sent: 3 admitted at once");
    later("200@601 200@610 200@1000", 300, "void(\"it cannot be told");
    later("200@601 200@610 x@305", 300, "broken");
    // This machine was late: a slot may have been free by then.
    later("200@601 200@610 200@1140", 540, "over");
    later("200@601 200@610 200@1201", 601, "void(\"one more was sent so late");
    later("200@601 200@610 429@603", 601, "void(\"one more was sent so late");
    // What the others tell is not mended by it.
    later("200@601 429@3 429@305", 300, "under");
}

#[test]
fn one_that_came_late_is_admitted_only_where_it_ends_before_one_that_waited_could() {
    let told = |end: &str, at: u64| {
        let (mut wave, _) = count(&landed("200@601 200@610"), &terms(2));
        one_more(&mut wave, &landed(end)[0], Interval { lo: MS(at), hi: MS(at + 2) }, &terms(2));
        wave.proves
    };
    assert_eq!(told("429@505", 500), Proves::Kept);
    assert_eq!(told("200@1105", 500), Proves::Over);
    // It may have come late, or waited: the waves in which it comes earlier tell that.
    assert!(matches!(told("200@1201", 500), Proves::Void(_)));
    assert!(matches!(told("429@603", 600), Proves::Void(_)));
}

#[test]
fn work_that_does_not_take_the_same_time_each_time_is_no_queue() {
    // A hit and three misses: the misses end before anyone who waited for the hit could.
    check(4, "200@601 200@1140 200@1141 200@1142", "void one ended 539 ms after the first");
    check_with(Terms { refuses: false, ..terms(2) }, "200@601 200@610 200@1140", "void one ended 539 ms after the first");
    check(4, "200@601 200@602 200@603 200@1203", "under");
    // Alone it was seen to take so long.
    let uneven = Terms { longest: MS(900), ..terms(2) };
    check_with(uneven, "200@310 200@1040", "void 1 ended more than 300 ms after the first");
    check_with(uneven, "200@601 200@1203", "under");
}

#[test]
fn those_that_slow_each_other_down_have_not_waited_for_a_slot() {
    // Four share one processor, and do not end together.
    check(4, "200@2100 200@2400 200@2700 200@2800", "void");
    check(4, "200@2300 200@2350 200@2400 200@2410", "kept");
    check(2, "200@1200 200@1210 200@1800", "kept");
}

#[test]
fn what_was_not_given_the_time_that_it_needs_side_by_side_proves_nothing() {
    let short = Terms { short: Some(MS(3000)), ..terms(3) };
    check_with(short, "-@3000 -@3000 -@3000", "void 3 of 3 at once take more than 3.00 s");
    check_with(short, "200@2900 -@3000 -@3000", "void 2 of 3 at once take more than 3.00 s");
    check_with(short, "-@3000 x@10 -@3000", "broken");
    check_with(Terms { refuses: false, ..short }, "200@601 200@602 200@603 -@3000", "broken");
    check(3, "-@3000 -@3000 -@3000", "broken");
}
