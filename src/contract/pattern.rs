//! `albums/{album}/tracks/{track}` → its segments, and back (AIP-122).

use std::fmt;

use super::{Pattern, Segment};

impl Pattern {
    /// The error says what is wrong and what to do.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let segments: Vec<Segment> = text.split('/').map(segment).collect::<Result<_, _>>()?;
        let pattern = Pattern { segments };
        let mut seen = Vec::new();
        for variable in pattern.variables() {
            if seen.contains(&variable) {
                return Err(format!("has the variable {{{variable}}} twice: name each once"));
            }
            seen.push(variable);
        }
        if seen.is_empty() {
            return Err("has no variable: end it with one, as in tracks/{track}".to_owned());
        }
        Ok(pattern)
    }

    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(variable) => Some(variable.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// What names the rows' parent: all but the last variable and the literals around it. None when there is no parent.
    pub fn parent(&self) -> Option<Pattern> {
        let last = self.segments.iter().rposition(|segment| matches!(segment, Segment::Variable(_)))?;
        let parent =
            self.segments[..last].iter().rposition(|segment| matches!(segment, Segment::Variable(_)))?;
        Some(Pattern { segments: self.segments[..=parent].to_vec() })
    }

    /// The last literal before the last variable: `tracks`.
    pub(super) fn collection(&self) -> Option<&str> {
        self.segments.iter().rev().find_map(|segment| match segment {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::Variable(_) => None,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            match segment {
                Segment::Literal(literal) => f.write_str(literal)?,
                Segment::Variable(variable) => write!(f, "{{{variable}}}")?,
            }
        }
        Ok(())
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    if text.is_empty() {
        return Err("has an empty segment: write it without leading, trailing or double slashes".to_owned());
    }
    let Some(variable) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return literal(text);
    };
    if is_variable(variable) {
        Ok(Segment::Variable(variable.to_owned()))
    } else {
        Err(format!(
            "has the segment {text}: write one variable in lower case with underscores, as in {{track}}"
        ))
    }
}

fn literal(text: &str) -> Result<Segment, String> {
    let is_literal =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if is_literal && text != "-" {
        Ok(Segment::Literal(text.to_owned()))
    } else {
        Err(format!(
            "has the segment {text}: write either a literal of letters, digits and hyphens, or {{variable}}"
        ))
    }
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, error: &str) {
        assert_eq!(Pattern::parse(text).unwrap_err(), error, "{text}");
    }

    #[test]
    fn a_pattern_knows_its_variables_parent_and_collection() {
        let pattern = Pattern::parse("albums/{album}/tracks/{track}").unwrap();
        assert_eq!(pattern.variables().collect::<Vec<_>>(), ["album", "track"]);
        assert_eq!(pattern.parent().unwrap().to_string(), "albums/{album}");
        assert_eq!(pattern.collection(), Some("tracks"));
        assert_eq!(Pattern::parse("tracks/{track}").unwrap().parent(), None);
        assert_eq!(Pattern::parse("a/{b}/c/{d}/config").unwrap().parent().unwrap().to_string(), "a/{b}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        check("", "has an empty segment: write it without leading, trailing or double slashes");
        check(
            "/tracks/{track}",
            "has an empty segment: write it without leading, trailing or double slashes",
        );
        check("tracks", "has no variable: end it with one, as in tracks/{track}");
        check("a/{b}/c/{b}", "has the variable {b} twice: name each once");
        check(
            "tracks/{Track}",
            "has the segment {Track}: write one variable in lower case with underscores, as in {track}",
        );
        check(
            "tracks/{track=**}",
            "has the segment {track=**}: write one variable in lower case with underscores, as in {track}",
        );
        check(
            "tracks/{a}~{b}",
            "has the segment {a}~{b}: write one variable in lower case with underscores, as in {track}",
        );
        check("*", "has the segment *: write either a literal of letters, digits and hyphens, or {variable}");
        check(
            "tracks/{track",
            "has the segment {track: write either a literal of letters, digits and hyphens, or {variable}",
        );
    }

    proptest! {
        #[test]
        fn what_parses_prints_as_it_was(text in "[a-zA-Z0-9{}/_.*-]{0,24}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }

        #[test]
        fn well_formed_patterns_parse(pairs in prop::collection::vec("[a-z][a-zA-Z0-9-]{0,8}", 1..5)) {
            let text: Vec<_> = pairs.iter().enumerate().map(|(at, literal)| format!("{literal}/{{v{at}}}")).collect();
            let pattern = Pattern::parse(&text.join("/")).unwrap();
            prop_assert_eq!(pattern.variables().count(), pairs.len());
            prop_assert_eq!(pattern.to_string(), text.join("/"));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            let _ = Pattern::parse(&text);
        }
    }
}
