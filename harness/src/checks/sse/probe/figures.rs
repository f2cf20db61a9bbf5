//! Events that lie in memory, read and judged on the path of a check; `ci/bench.sh sse` prints how many a second.

use super::framed::Came;
use super::live::{self, Got};
use super::reader::{Reader, Wish};
use super::replay::{has_enough, progress::Progress};
use crate::checks::sse::Sse;
use crate::checks::sse::judge::judge;
use crate::checks::sse::look::{Cut, Framed, Job, Ledger, Leg, Live, Observation, Payload, Replay, Subscriber, Tape};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::testing::{context, spec, told};
use crate::kind::{Context, Seen};
use crate::model::ClauseId;
use std::time::Duration;

const CUTS: u32 = 20;
/// Events of one job, and jobs whose events are mingled.
const EVENTS: usize = 20;
const MINGLED: usize = 8;
/// What one read brings, and the time between two of them.
const PIECE: usize = 4 << 10;
const STEP: Duration = Duration::from_millis(10);
/// How long the client is away after a cut.
const AWAY: Duration = Duration::from_millis(20);
const NOTE: &str = "one of the parts that make up the whole";

fn sse() -> Spec {
    let yaml = "{ get: /events, timely-within: 1s, cuts: 20, ends-with: [done, failed], progress: $.progress, \
                drive: { post: /jobs, id: $.id }, identify: { job: $.job_id, order: [event-id, $.seq] }, \
                framed: { post: /jobs, json: { note: '${payload}' }, payload: $.note } }";
    spec::<Sse>(yaml).spec
}

/// The bytes of a stream, and the jobs that it tells of.
struct Flow {
    bytes: Vec<u8>,
    /// Where each event ends.
    ends: Vec<usize>,
    ledger: Ledger,
}

impl Flow {
    fn of(jobs: usize) -> Self {
        let mut flow = Self { bytes: Vec::new(), ends: Vec::new(), ledger: Ledger::default() };
        for wave in 0..jobs / MINGLED {
            for step in 1..=EVENTS {
                for job in wave * MINGLED..(wave + 1) * MINGLED {
                    flow.event(&format!("7f3c9a2e-{job:05}"), step);
                }
            }
        }
        flow
    }

    fn event(&mut self, job: &str, step: usize) {
        let (name, state) = match step {
            1 => ("started", "ACCEPTED"),
            EVENTS => ("done", "SUCCEEDED"),
            _ => ("progress", "CONVERTING"),
        };
        if step == 1 {
            let made = at(self.bytes.len()).saturating_sub(Duration::from_millis(1));
            self.ledger.add(Job { id: job.to_owned(), sent: made, answered: made });
        }
        let id = self.ends.len() + 1;
        let text = format!(
            "id: {id}\nevent: {name}\ndata: {{\"job_id\":\"{job}\",\"seq\":{step},\"state\":\"{state}\",\"progress\":{},\
             \"at\":\"2026-11-21T19:42:45.{:03}Z\",\"note\":\"{NOTE}\"}}\n\n",
            step * 100 / EVENTS,
            id % 1000
        );
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// Where the events before this one end.
    fn before(&self, event: usize) -> usize {
        event.checked_sub(1).map_or(0, |last| self.ends[last])
    }
}

/// When the byte at this place comes.
fn at(place: usize) -> Duration {
    STEP * u32::try_from(place / PIECE + 1).expect("a flow is short")
}

fn tape(name: &str) -> Tape {
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    Tape { name: name.to_owned(), head: Seen { status: Some(200), headers, ..Seen::default() }, ..Tape::default() }
}

fn asked(clauses: &[ClauseId]) -> Observation {
    Observation { asked: clauses.iter().map(|c| c.0.to_owned()).collect(), ..Observation::default() }
}

/// One subscriber that nobody cuts, as jobs are driven.
fn live(spec: &Spec, flow: &Flow, cx: &Context) -> Observation {
    let origin = cx.stopwatch().now();
    let mut seen = asked(&[table::TYPE, table::UTF8, table::TIMELY, table::ORDERED, table::IDENTIFIED, table::ENDS]);
    seen.live = Live { ledger: flow.ledger.clone(), is_drained: true, left: at(flow.bytes.len()) + STEP * 100, ..Live::default() };
    let mut subscriber = Subscriber { tape: tape("direct"), ..Subscriber::default() };
    let mut reader = Reader::on(spec, &Wish::default(), origin, origin, None);
    let mut got = Got::default();
    for (n, piece) in flow.bytes.chunks(PIECE).enumerate() {
        reader.take(piece, origin + at(n * PIECE), cx, &mut subscriber.tape, &mut |_, _| {});
        live::note(spec, &mut subscriber, &mut got, &seen.live.ledger.jobs, cx, origin);
    }
    assert!(got.has_all(spec, &seen.live), "every job has ended");
    subscriber.batch = live::batch(&subscriber, &seen.live.ledger.jobs, cx, origin);
    seen.live.subscribers.push(subscriber);
    seen
}

/// A subscriber that looks for one text in all of them.
fn framed(spec: &Spec, flow: &Flow, cx: &Context) -> Observation {
    let origin = cx.stopwatch().now();
    let mut seen = asked(&[table::TYPE, table::UTF8, table::FRAMED]);
    let mut payload = Payload { name: "note".to_owned(), job: flow.ledger.jobs.last().map(|j| j.id.clone()), ..Payload::default() };
    let path = &spec.b.framed.as_ref().expect("it is declared").b.payload.value;
    let (mut came, mut tape) = (Came::of(NOTE, path), tape("framed"));
    let mut reader = Reader::on(spec, &Wish::default(), origin, origin, None);
    for (n, piece) in flow.bytes.chunks(PIECE).enumerate() {
        reader.take(piece, origin + at(n * PIECE), cx, &mut tape, &mut |arrival, data| came.take(&mut payload, arrival, data));
    }
    seen.framed = Framed { tape: Some(tape), payloads: vec![payload], is_drained: true, ..Framed::default() };
    seen
}

/// A client that is cut off again and again, and its witness: each gets all events.
fn replay(spec: &Spec, flow: &Flow, cx: &Context) -> Observation {
    let origin = cx.stopwatch().now();
    let mut seen = asked(&[table::TYPE, table::UTF8, table::REPLAY]);
    let mut witness = tape("witness");
    let mut reader = Reader::on(spec, &Wish::default(), origin, origin, None);
    let (mut legs, mut progress, mut read) = (Vec::<Leg>::new(), Progress::default(), 0);
    let legs_in_all = CUTS as usize + 1;
    for leg in 0..legs_in_all {
        let (first, behind) = (leg * flow.ends.len() / legs_in_all, (leg + 1) * flow.ends.len() / legs_in_all);
        let (from, to) = (flow.before(first), flow.before(behind));
        let opened = if leg == 0 { Duration::ZERO } else { at(from) + AWAY };
        let last_id = Some(first.to_string()).filter(|_| leg > 0);
        let mut client = Reader::on(spec, &Wish { last_id: last_id.as_deref(), ..Wish::default() }, origin, origin, None);
        legs.push(Leg { last_id: last_id.clone(), tape: Tape { opened, ..tape("client") }, cut: None });
        for place in (from..to).step_by(PIECE) {
            let end = (place + PIECE).min(to);
            while read < end {
                let next = (read + PIECE).min(flow.bytes.len());
                reader.take(&flow.bytes[read..next], origin + at(read), cx, &mut witness, &mut |_, _| {});
                read = next;
            }
            let tape = &mut legs.last_mut().expect("it was just added").tape;
            client.take(&flow.bytes[place..end], origin + at(place).max(opened), cx, tape, &mut |_, _| {});
            progress.note(spec, &witness, &legs);
        }
        let cut = Cut { at: at(to), is_reset: true, in_event: false };
        legs.last_mut().expect("it was just added").cut = Some(cut).filter(|_| leg + 1 < legs_in_all);
    }
    assert!(has_enough(&legs, &witness, &flow.ledger, CUTS) && progress.has_all(&flow.ledger), "enough was cut, and all came");
    let (ledger, left) = (flow.ledger.clone(), at(flow.bytes.len()) + STEP * 100);
    seen.replay = Replay { ledger, witness: Some(witness), legs, is_drained: true, left, ..Replay::default() };
    seen
}

type Look = fn(&Spec, &Flow, &Context) -> Observation;

/// Each look, with how many times it reads every event.
const LOOKS: [(&str, Look, usize); 3] = [("driven jobs", live, 1), ("texts", framed, 1), ("replay, two streams", replay, 2)];

#[test]
fn a_flow_from_memory_is_read_and_judged_as_it_came() {
    let (spec, cx, flow) = (sse(), context(([127, 0, 0, 1], 1).into()), Flow::of(104));
    for (name, look, times) in LOOKS {
        let seen = look(&spec, &flow, &cx);
        assert_eq!(seen.tapes().map(|t| t.events).sum::<u64>(), (flow.ends.len() * times) as u64, "{name}");
        let told = told(&judge(&spec, &seen));
        assert!(told.len() >= 3 && told.iter().all(|t| t.ends_with("held")), "{name}: {told:?}");
    }
}

/// Only an optimised build says anything.
#[test]
#[ignore = "measures: run by ci/bench.sh sse"]
#[expect(clippy::disallowed_macros, reason = "a measurement prints its figures")]
fn events_a_second() {
    const TURNS: usize = 3;
    const ROUNDS: usize = 10;
    let (spec, cx, flow) = (sse(), context(([127, 0, 0, 1], 1).into()), Flow::of(2000));
    let size = flow.bytes.len() / flow.ends.len();
    for (name, look, times) in LOOKS {
        for turn in 0..TURNS {
            let (began, busy) = (cx.stopwatch().now(), processor());
            for _ in 0..ROUNDS {
                let seen = look(&spec, &flow, &cx);
                assert!(told(&judge(&spec, &seen)).iter().all(|t| t.ends_with("held")), "{name}");
            }
            let took = cx.stopwatch().now().duration_since(began).as_secs_f64();
            let (events, busy) = ((flow.ends.len() * times * ROUNDS) as f64, (processor() - busy).as_secs_f64());
            println!(
                "from memory {turn}, parsed and judged, {name}: {:.0} events/s, {:.0} for each second of processor time ({size} bytes each)",
                events / took,
                events / busy
            );
        }
    }
}

/// Processor time of this thread: what others do on the machine is not in it.
fn processor() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every system has this clock").into()
}
