//! Builds the tree of nodes from parser events: anchors, merge keys, duplicate keys and limits.

use crate::{
    model::{At, Origin, Source},
    reader::{
        node::{Kind, Node},
        path,
        problems::Problem,
        syntax,
    },
};
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Most values of one document, with what aliases bring in: 10,000 checks are about 150,000.
const MOST_NODES: u32 = 400_000;
/// Deepest nesting of lists and maps.
const MOST_DEPTH: u32 = 64;
/// Most problems of one file that are kept.
const MOST_PROBLEMS: usize = 100;

/// One YAML file as a tree, with the problems that do not keep it from being read.
#[derive(Debug)]
pub struct Document {
    /// The file.
    pub source: Arc<Source>,
    /// Its value. Of duplicate keys the first is kept.
    pub root: Node,
    /// Duplicate keys and wrong merge keys: each is an error of the file.
    pub problems: Vec<Problem>,
}

impl Document {
    /// A span of this file together with the file.
    #[must_use]
    pub fn origin(&self, at: At) -> Origin {
        Origin { source: Arc::clone(&self.source), at }
    }
}

/// Parses one YAML document. Values keep their raw text; nothing is typed, so `no`, `08` and `1e3` are still what was written.
///
/// # Errors
/// A syntax error, which stands alone because nothing after it can be trusted; a second document; a tag other than `!!str`; a key
/// that is a list or map; more than 400,000 values or 64 levels, also when aliases bring them in.
pub fn parse(source: &Arc<Source>) -> Result<Document, Box<Problem>> {
    let options = granit_parser::options! { flow_nesting_limit: 128, block_nesting_limit: 128 };
    let mut builder = Builder {
        source,
        events: Parser::new_from_str_with_options(source.text(), options),
        anchors: HashMap::new(),
        nodes: 0,
        problems: Vec::new(),
    };
    let root = builder.document()?;
    let mut problems = builder.problems;
    for problem in &mut problems {
        // The second of two equal keys is not in the tree: the first one has its path.
        let start = problem.also.first().and_then(|n| n.origin.as_ref()).map_or(problem.origin.at.start, |o| o.at.start);
        problem.path = path::at(&root, start).unwrap_or_default();
    }
    Ok(Document { source: Arc::clone(source), root, problems })
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    events: Parser<'s, StrInput<'s>>,
    anchors: HashMap<usize, Anchored>,
    nodes: u32,
    problems: Vec<Problem>,
}

/// A finished anchored value; its size and height are known before it is copied.
struct Anchored {
    node: Node,
    size: u32,
    height: u32,
}

type Step<T> = Result<T, Box<Problem>>;

impl<'s> Builder<'s> {
    fn next(&mut self) -> Step<(Event<'s>, Span)> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => Err(Box::new(syntax::explain(self.source, &e))),
            None => Err(self.problem(At::default(), "the file ends too early")),
        }
    }

    fn problem(&self, at: At, what: impl Into<String>) -> Box<Problem> {
        Box::new(Problem::new(Origin { source: Arc::clone(self.source), at }, what))
    }

    fn document(&mut self) -> Step<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let at = self.at(span);
                    return Err(Box::new(self.problem(at, "a second YAML document").with_help("put it into a file of its own")));
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 1)?.0);
                }
                _ => {}
            }
        }
        // An empty file is an empty value: what is missing is told by who asks for it.
        match root {
            Some(root) => Ok(root),
            None => {
                let at = At { line: 1, column: 1, start: 0, len: 0 };
                self.make(at, Kind::Scalar { text: String::new(), plain: true, parts: None, given: None })
            }
        }
    }

    fn make(&mut self, at: At, kind: Kind) -> Step<Node> {
        self.charge(1, at)?;
        Ok(Node { id: self.nodes, at, via: None, kind, is_unset: false })
    }

    /// Counts values against the limit. Copies kept for aliases count too, so memory is bounded by it.
    fn charge(&mut self, count: u32, at: At) -> Step<()> {
        self.nodes = self.nodes.saturating_add(count);
        if self.nodes > MOST_NODES {
            return Err(self.problem(at, "more than 400,000 values, with what aliases bring in"));
        }
        Ok(())
    }

    /// The node that begins with this event, and its height.
    fn node(&mut self, event: Event<'s>, span: Span, depth: u32) -> Step<(Node, u32)> {
        let at = self.at(span);
        if depth > MOST_DEPTH {
            return Err(self.problem(at, "nested deeper than 64 levels"));
        }
        let before = self.nodes;
        let (anchor, node, height) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag.as_deref().is_some_and(|t| t.core_suffix() == Some("str") || t.parts() == ("", "!"));
                if tag.is_some() && !text_tag {
                    return Err(self.tag(span));
                }
                let plain = style == ScalarStyle::Plain && !text_tag;
                let kind = Kind::Scalar { text: text.into_owned(), plain, parts: None, given: None };
                (anchor, self.make(at, kind)?, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                if tag.is_some() {
                    return Err(self.tag(span));
                }
                let mut node = self.make(at, Kind::Seq(Vec::new()))?;
                let (mut items, mut height) = (Vec::new(), 0);
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    let (item, h) = self.node(event, span, depth + 1)?;
                    height = height.max(h);
                    items.push(item);
                }
                node.kind = Kind::Seq(items);
                (anchor, node, height + 1)
            }
            Event::MappingStart(_, anchor, tag) => {
                if tag.is_some() {
                    return Err(self.tag(span));
                }
                let mut node = self.make(at, Kind::Map(Vec::new()))?;
                let (entries, height) = self.entries(depth)?;
                node.kind = Kind::Map(entries);
                (anchor, node, height + 1)
            }
            _ => return Err(self.problem(at, "a value is missing here")),
        };
        if anchor != 0 {
            let size = self.nodes - before;
            self.charge(size, at)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
        Ok((node, height))
    }

    fn tag(&self, span: Span) -> Box<Problem> {
        let at = self.at(span.tag_span().unwrap_or(span));
        let problem = self.problem(at, "unquoted text cannot begin with `!`");
        Box::new(match syntax::quoted_line(self.source, at) {
            Some(line) => problem.with_help(format!("quote it: `{line}`")),
            None => *problem,
        })
    }

    fn alias(&mut self, id: usize, at: At, depth: u32) -> Step<(Node, u32)> {
        let Some(Anchored { size, height, .. }) = self.anchors.get(&id) else {
            return Err(self.problem(at, "an alias inside the value that it names"));
        };
        let (size, height) = (*size, *height);
        if depth + height > MOST_DEPTH {
            return Err(self.problem(at, "nested deeper than 64 levels, with what this alias brings in"));
        }
        let first = self.nodes;
        self.charge(size, at)?;
        let mut node = self.anchors[&id].node.clone();
        let mut id = first;
        renumber(&mut node, &mut id, &at);
        Ok((node, height))
    }

    fn entries(&mut self, depth: u32) -> Step<(Vec<(Node, Node)>, u32)> {
        // Most maps of a suite have one or two keys, and two nodes take a lot of room: a first push would make room for four.
        let (mut entries, mut merged, mut height) = (Vec::<(Node, Node)>::with_capacity(2), Vec::new(), 0);
        let mut seen = HashSet::<String>::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let (key, _) = self.node(event, span, depth + 1)?;
            let Kind::Scalar { text, plain, .. } = &key.kind else {
                return Err(Box::new(self.problem(key.at, "a list or map cannot be a key").with_help("quote it if it is text")));
            };
            let is_merge = *plain && text == "<<";
            // A map of a few keys is searched in place; the set is for large ones.
            let twice = match entries.len() {
                0..16 => entries.iter().any(|(k, _)| k.text() == Some(text)),
                16 if seen.is_empty() => {
                    seen = entries.iter().filter_map(|(k, _)| k.text()).map(str::to_owned).collect();
                    !seen.insert(text.clone())
                }
                _ => !seen.insert(text.clone()),
            };
            let (event, span) = self.next()?;
            let (value, h) = self.node(event, span, depth + 1)?;
            height = height.max(h);
            if is_merge {
                self.merge(&key, value, &mut merged);
            } else if twice {
                self.twice(&key, &entries);
            } else {
                entries.push((key, value));
            }
        }
        // What stands in the map itself wins over what is merged in, the first merged over later ones.
        if !merged.is_empty() {
            seen.extend(entries.iter().filter_map(|(k, _)| k.text()).map(str::to_owned));
            entries.extend(merged.into_iter().filter(|(k, _)| seen.insert(k.text().unwrap_or_default().to_owned())));
        }
        Ok((entries, height))
    }

    fn twice(&mut self, key: &Node, entries: &[(Node, Node)]) {
        let text = key.text().unwrap_or_default();
        let problem = self.problem(key.at, "given twice");
        let first = entries.iter().find(|(k, _)| k.text() == Some(text)).map(|(k, _)| k.at);
        let first = first.map(|at| Origin { source: Arc::clone(self.source), at });
        self.keep(Problem { also: first.map(|o| super::Note::at(o, "first given here")).into_iter().collect(), ..*problem });
    }

    fn merge(&mut self, key: &Node, value: Node, merged: &mut Vec<(Node, Node)>) {
        let maps = match value.kind {
            Kind::Seq(items) => items,
            _ => vec![value],
        };
        for map in maps {
            match map.kind {
                Kind::Map(entries) => merged.extend(entries),
                _ => {
                    let problem = self.problem(key.at, "`<<` merges a map: `<<: *name`, or a list of such");
                    self.keep(*problem);
                }
            }
        }
    }

    fn keep(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// The span without the blanks that the parser counts to its end.
    fn at(&self, span: Span) -> At {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start).max(start);
        let len = self.source.text().get(start..end).map_or(0, |raw| raw.trim_end().len());
        At { line: span.start.line() as u32, column: span.start.col() as u32 + 1, start: start as u32, len: len as u32 }
    }
}

fn renumber(node: &mut Node, id: &mut u32, via: &At) {
    *id += 1;
    node.id = *id;
    node.via = Some(Box::new(*via));
    match &mut node.kind {
        Kind::Scalar { .. } => {}
        Kind::Seq(items) => items.iter_mut().for_each(|n| renumber(n, id, via)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(k, v)| {
            renumber(k, id, via);
            renumber(v, id, via);
        }),
    }
}
