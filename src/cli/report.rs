//! What `check` found → text, JSON or GitHub annotations, and an exit code.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::arguments::Format;
use super::exit::Code;
use crate::contract::{Place, Problem};
use crate::load::Loaded;
use crate::plan::compile::Advice;

/// Everything that was found when a contract met a database.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Resources of the contract, those with problems included.
    pub resources: usize,
    /// What does not fit, and is not served.
    pub problems: Vec<Problem>,
    /// What fits but loses something, as NULL under a field without presence.
    pub losses: Vec<Problem>,
    pub indexes: Vec<MissingIndex>,
    /// What is not cached, because not all changes of it are heard of; no fault of the contract.
    pub unfollowed: Vec<Problem>,
}

/// An index without which a filter or an order reads the whole table.
#[derive(Debug, Clone)]
pub struct MissingIndex {
    /// Where the contract asks for it, and what for.
    pub problem: Problem,
    /// `CREATE INDEX CONCURRENTLY …`
    pub statement: String,
}

/// Whether a loss counts as a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    Counted,
    Told,
}

impl Report {
    pub fn of(loaded: &Loaded) -> Self {
        let found = loaded.report.clone();
        let index = |advice: Advice| MissingIndex { problem: advice.problem, statement: advice.statement };
        Report {
            resources: loaded.plans.resources.len(),
            problems: found.problems,
            losses: found.losses,
            indexes: found.advice.into_iter().map(index).collect(),
            unfollowed: Vec::new(),
        }
    }

    pub fn code(&self, losses: Losses) -> Code {
        let lossless = losses == Losses::Told || self.losses.is_empty();
        if self.problems.is_empty() && lossless { Code::Done } else { Code::Failed }
    }

    /// The report with its last newline; text has colours, which the stream takes off.
    pub fn render(&self, format: Format, losses: Losses) -> String {
        match format {
            Format::Text => self.text(losses),
            Format::Json => self.json(losses),
            Format::Github => self.github(losses),
        }
    }

    fn text(&self, losses: Losses) -> String {
        let red = AnsiColor::Red.on_default().bold();
        let yellow = AnsiColor::Yellow.on_default().bold();
        let blue = AnsiColor::Blue.on_default().bold();
        let green = AnsiColor::Green.on_default().bold();
        let mut text = String::new();
        paragraph(&mut text, red, "Does not fit:", self.problems.iter());
        paragraph(&mut text, yellow, "Loses something:", self.losses.iter());
        paragraph(&mut text, blue, "Missing indexes:", self.indexes.iter());
        paragraph(&mut text, blue, "Not cached:", self.unfollowed.iter());
        let verdict = match self.code(losses) {
            Code::Done => format!("{green}fits{green:#}"),
            _ => format!("{red}does not fit{red:#}"),
        };
        let _ = writeln!(
            text,
            "{}: {verdict}; {}, {}, {}",
            count(self.resources, "resource", "resources"),
            count(self.problems.len(), "problem", "problems"),
            count(self.losses.len(), "loss", "losses"),
            count(self.indexes.len(), "missing index", "missing indexes"),
        );
        text
    }

    fn json(&self, losses: Losses) -> String {
        let report = Json {
            fits: self.code(losses) == Code::Done,
            resources: self.resources,
            problems: self.problems.iter().map(Found::from).collect(),
            losses: self.losses.iter().map(Found::from).collect(),
            indexes: self
                .indexes
                .iter()
                .map(|index| Found { statement: Some(&index.statement), ..Found::from(&index.problem) })
                .collect(),
            unfollowed: self.unfollowed.iter().map(Found::from).collect(),
        };
        // Strings and numbers only, so it cannot fail.
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    }

    fn github(&self, losses: Losses) -> String {
        let loss = if losses == Losses::Counted { "error" } else { "warning" };
        let mut text = String::new();
        for problem in &self.problems {
            annotation(&mut text, "error", problem, &problem.text);
        }
        for problem in &self.losses {
            annotation(&mut text, loss, problem, &problem.text);
        }
        for MissingIndex { problem, statement } in &self.indexes {
            annotation(&mut text, "notice", problem, &format!("{}\n{statement}", problem.text));
        }
        for problem in &self.unfollowed {
            annotation(&mut text, "notice", problem, &problem.text);
        }
        text
    }
}

impl fmt::Display for MissingIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}", self.problem, self.statement)
    }
}

fn paragraph<T: fmt::Display>(text: &mut String, style: Style, title: &str, lines: impl Iterator<Item = T>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{style}{title}{style:#}");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
}

pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[derive(Serialize)]
struct Json<'a> {
    fits: bool,
    resources: usize,
    problems: Vec<Found<'a>>,
    losses: Vec<Found<'a>>,
    indexes: Vec<Found<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unfollowed: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a str,
    line: u32,
    subject: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<&'a str>,
}

impl<'a> From<&'a Problem> for Found<'a> {
    fn from(Problem { place: Place { file, line }, subject, text }: &'a Problem) -> Self {
        Self { file, line: *line, subject, text, statement: None }
    }
}

/// A workflow command: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
fn annotation(text: &mut String, level: &str, problem: &Problem, message: &str) {
    let Problem { place: Place { file, line }, subject, .. } = problem;
    let mut properties = Vec::new();
    if !file.is_empty() {
        properties.push(format!("file={}", escaped(file, PROPERTY)));
    }
    if *line > 0 {
        properties.push(format!("line={line}"));
    }
    if !subject.is_empty() {
        properties.push(format!("title={}", escaped(subject, PROPERTY)));
    }
    let gap = if properties.is_empty() { "" } else { " " };
    let _ = writeln!(text, "::{level}{gap}{}::{}", properties.join(","), escaped(message, MESSAGE));
}

const MESSAGE: &[char] = &['%', '\r', '\n'];
const PROPERTY: &[char] = &['%', '\r', '\n', ':', ','];

fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            let _ = write!(escaped, "%{:02X}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::*;

    fn problem(line: u32, subject: &str, text: &str) -> Problem {
        Problem {
            place: Place { file: "chinook.proto".into(), line },
            subject: subject.into(),
            text: text.into(),
        }
    }

    fn report() -> Report {
        Report {
            resources: 11,
            problems: vec![problem(
                31,
                "Track.title",
                "column \"track.name\" is varchar, field is int64: use string",
            )],
            losses: vec![problem(33, "Track.composer", "NULL reads as \"\": make it optional")],
            indexes: vec![MissingIndex {
                problem: problem(20, "Track.order_fields", "no index begins with \"name\""),
                statement: "CREATE INDEX CONCURRENTLY ON \"track\" (\"name\");".into(),
            }],
            unfollowed: Vec::new(),
        }
    }

    #[test]
    fn text_tells_places_statements_and_a_verdict() {
        let text = strip_str(&report().render(Format::Text, Losses::Told)).to_string();
        let expected = r#"Does not fit:
chinook.proto:31: Track.title: column "track.name" is varchar, field is int64: use string

Loses something:
chinook.proto:33: Track.composer: NULL reads as "": make it optional

Missing indexes:
chinook.proto:20: Track.order_fields: no index begins with "name"
    CREATE INDEX CONCURRENTLY ON "track" ("name");

11 resources: does not fit; 1 problem, 1 loss, 1 missing index
"#;
        assert_eq!(text, expected);
        let nothing = Report { resources: 1, ..Report::default() }.render(Format::Text, Losses::Counted);
        assert_eq!(
            strip_str(&nothing).to_string(),
            "1 resource: fits; 0 problems, 0 losses, 0 missing indexes\n"
        );
    }

    #[test]
    fn json_is_one_object() {
        let json: serde_json::Value =
            serde_json::from_str(&report().render(Format::Json, Losses::Told)).expect("JSON");
        assert_eq!(json["fits"], false);
        assert_eq!(json["problems"][0]["line"], serde_json::json!(31));
        assert_eq!(json["losses"][0].get("statement"), None);
        assert_eq!(json["indexes"][0]["statement"], "CREATE INDEX CONCURRENTLY ON \"track\" (\"name\");");
    }

    #[test]
    fn github_annotations_are_escaped_and_levelled() {
        let mut report = report();
        report.problems[0].text = "100%\nwrong: a, b".into();
        report.problems[0].subject = "a:b,c".into();
        let told = report.render(Format::Github, Losses::Told);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines,
            [
                "::error file=chinook.proto,line=31,title=a%3Ab%2Cc::100%25%0Awrong: a, b",
                "::warning file=chinook.proto,line=33,title=Track.composer::NULL reads as \"\": make it optional",
                "::notice file=chinook.proto,line=20,title=Track.order_fields::no index begins with \"name\"%0ACREATE INDEX CONCURRENTLY ON \"track\" (\"name\");",
            ]
        );
        let counted = report.render(Format::Github, Losses::Counted);
        assert_eq!(counted.matches("::error ").count(), 2);
        let nowhere = Report { problems: vec![Problem { text: "x".into(), ..empty() }], ..Report::default() };
        assert_eq!(nowhere.render(Format::Github, Losses::Told), "::error::x\n");
    }

    fn empty() -> Problem {
        Problem { place: Place::default(), subject: String::new(), text: String::new() }
    }

    #[test]
    fn losses_count_only_when_asked() {
        let lossy = Report { problems: vec![], ..report() };
        assert_eq!(lossy.code(Losses::Told), Code::Done);
        assert_eq!(lossy.code(Losses::Counted), Code::Failed);
        assert_eq!(report().code(Losses::Told), Code::Failed);
        assert_eq!(Report { losses: vec![], ..lossy }.code(Losses::Counted), Code::Done);
    }
}
