//! The text of a `.proto` file → the same without the `rowcall.v1` options and imports, cut where its source info says they stand.
//!
//! Comments beside what is cut stay.

use std::ops::Range;

use prost::Message as _;
use prost_reflect::FileDescriptor;
use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

use super::private;

/// The text must be the one that the file was compiled from.
pub fn options(file: &FileDescriptor, text: &str) -> String {
    // The bytes have the options' final paths, the decoded form those from before options were resolved.
    let decoded = FileDescriptorProto::decode(file.encode_to_vec().as_slice()).unwrap_or_default();
    let lines: Vec<_> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let is_import = |path: &[i32]| match path {
        [3, at] => {
            let name = usize::try_from(*at).ok().and_then(|at| decoded.dependency.get(at));
            name.is_some_and(|name| name.starts_with(private::FOLDER)) && !private::uses_types(file)
        }
        _ => false,
    };
    let mut items: Vec<Item> = Vec::new();
    for location in decoded.source_code_info.iter().flat_map(|source| &source.location) {
        let Some(span) = span(location, &lines).filter(|span| text.get(span.clone()).is_some()) else {
            continue;
        };
        let private = private::is_option(file.parent_pool(), &location.path) || is_import(&location.path);
        items.push(Item { span, private });
    }
    let mut cuts = Vec::new();
    for item in items.iter().filter(|item| item.private && text[..item.span.end].ends_with(';')) {
        cuts.push(whole_line(text, &item.span));
    }
    for bracket in items.iter().filter(|item| text[item.span.clone()].starts_with('[')) {
        cut_bracket(text, &bracket.span, &items, &mut cuts);
    }
    without(text, cuts)
}

struct Item {
    span: Range<usize>,
    private: bool,
}

/// Columns are bytes.
fn span(location: &Location, lines: &[usize]) -> Option<Range<usize>> {
    let at = |line: i32, column: i32| {
        let start = lines.get(usize::try_from(line).ok()?)?;
        Some(start + usize::try_from(column).ok()?)
    };
    match *location.span.as_slice() {
        [line, from, to] => Some(at(line, from)?..at(line, to)?),
        [line, from, end, to] => Some(at(line, from)?..at(end, to)?),
        _ => None,
    }
}

/// A statement takes its line along when it stands alone on it.
fn whole_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let before = text[..span.start].trim_end_matches([' ', '\t']);
    let after = text[span.end..].trim_start_matches([' ', '\t', '\r']);
    if (before.is_empty() || before.ends_with('\n')) && after.starts_with('\n') {
        before.len()..text.len() - after.len() + 1
    } else {
        before.len()..span.end
    }
}

/// Of the options in `[…]` ours go, each with one comma; when none is left, the brackets go too.
fn cut_bracket(text: &str, bracket: &Range<usize>, items: &[Item], cuts: &mut Vec<Range<usize>>) {
    let inside = |item: &&Item| bracket.start < item.span.start && item.span.end < bracket.end;
    let mut options: Vec<&Item> = items.iter().filter(inside).collect();
    options.sort_by_key(|item| (item.span.start, std::cmp::Reverse(item.span.end)));
    let mut reached = bracket.start;
    options.retain(|item| {
        let is_outermost = item.span.start >= reached;
        reached = reached.max(item.span.end);
        is_outermost
    });
    if options.iter().all(|option| !option.private) {
        return;
    }
    let Some(last_kept) = options.iter().rposition(|option| !option.private) else {
        let before = text[..bracket.start].trim_end();
        return cuts.push(before.len()..bracket.end);
    };
    let comma = |from: usize| text[from..bracket.end].find(',').map(|at| from + at);
    for (at, option) in options.iter().enumerate() {
        let end = option.span.end;
        if option.private && at < last_kept {
            let next = comma(end).map_or(end, |comma| comma + 1);
            let gap = text[next..].len() - text[next..].trim_start().len();
            cuts.push(option.span.start..next + gap);
        } else if option.private {
            cuts.push(option.span.clone());
        }
        if at >= last_kept && at + 1 < options.len() {
            cuts.extend(comma(end).map(|comma| comma..comma + 1));
        }
    }
    // Without a comment between them, the space between the last that is kept and ours goes too.
    let (kept, end) = (options[last_kept].span.end, options[options.len() - 1].span.end);
    if kept < end && !text[kept..end].contains("//") {
        cuts.push(kept..end);
    }
}

fn without(text: &str, mut cuts: Vec<Range<usize>>) -> String {
    cuts.sort_by_key(|cut| cut.start);
    let (mut kept, mut at) = (String::with_capacity(text.len()), 0);
    for cut in cuts {
        if cut.start > at {
            kept.push_str(&text[at..cut.start]);
        }
        at = at.max(cut.end);
    }
    kept.push_str(&text[at..]);
    kept
}
