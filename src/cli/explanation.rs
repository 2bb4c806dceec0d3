//! A call's plan and statements → text that psql reads: everything but the SQL is a comment.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// What Rowcall would do for a call.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The method in full, as `chinook.v1.ChinookService/ListTracks`.
    pub method: String,
    /// The plan, in words: what is read, in which order, from which position.
    pub plan: Vec<String>,
    /// In the order they run.
    pub statements: Vec<Explained>,
}

/// One statement of a call.
#[derive(Debug, Clone, Default)]
pub struct Explained {
    /// What it is for: `page`, `total`, the path of a relation.
    pub purpose: String,
    pub sql: String,
    /// As text, in the order of `$1`, `$2`, …
    pub values: Vec<String>,
    /// Postgres' EXPLAIN, line by line.
    pub explain: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
        writeln!(f, "{bold}-- {}{bold:#}", self.method)?;
        for line in &self.plan {
            writeln!(f, "--   {line}")?;
        }
        let heading = AnsiColor::Cyan.on_default();
        for Explained { purpose, sql, values, explain } in &self.statements {
            let sql = broken(sql.trim_end().trim_end_matches(';'));
            writeln!(f, "\n{heading}-- {purpose}{heading:#}\n{sql};")?;
            for (position, value) in values.iter().enumerate() {
                writeln!(f, "--   ${} = {}", position + 1, value.escape_debug())?;
            }
            for line in explain {
                writeln!(f, "{dim}--   {line}{dim:#}")?;
            }
        }
        Ok(())
    }
}

/// The words of a statement that a line begins with.
const CLAUSES: [&str; 7] =
    [" FROM ", " JOIN ", " CROSS JOIN ", " WHERE ", " ORDER BY ", " LIMIT ", " UNION ALL "];

/// A line per clause of the outermost statement, which as one line is hard to read.
fn broken(sql: &str) -> String {
    let (mut depth, mut quote): (i32, Option<char>) = (0, None);
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(next) = rest.chars().next() {
        let clause = CLAUSES.into_iter().find(|clause| rest.starts_with(clause));
        if let Some(clause) = clause.filter(|_| depth == 0 && quote.is_none()) {
            text.push('\n');
            text.push_str(&clause[1..]);
            rest = &rest[clause.len()..];
            continue;
        }
        match (next, quote) {
            ('"' | '\'', None) => quote = Some(next),
            (_, Some(open)) if open == next => quote = None,
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            _ => {}
        }
        text.push(next);
        rest = &rest[next.len_utf8()..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_has_a_line_unless_it_is_within_something() {
        let sql = "SELECT \" FROM \", (SELECT 1 FROM a) FROM t CROSS JOIN u WHERE x = ' LIMIT ' ORDER BY x LIMIT $1";
        let expected = "SELECT \" FROM \", (SELECT 1 FROM a)\nFROM t\nCROSS JOIN u\nWHERE x = ' LIMIT '\nORDER BY x\nLIMIT $1";
        assert_eq!(broken(sql), expected);
    }

    #[test]
    fn all_but_the_sql_is_a_comment() {
        let explanation = Explanation {
            method: "chinook.v1.ChinookService/ListTracks".into(),
            plan: vec!["Track from public.track, by track_id".into()],
            statements: vec![Explained {
                purpose: "page".into(),
                sql: "SELECT 1\nFROM t WHERE a = $1".into(),
                values: vec!["two\nlines".into()],
                explain: vec!["Seq Scan on t".into()],
            }],
        };
        let text = anstream::adapter::strip_str(&explanation.to_string()).to_string();
        let expected = "\
-- chinook.v1.ChinookService/ListTracks
--   Track from public.track, by track_id

-- page
SELECT 1
FROM t
WHERE a = $1;
--   $1 = two\\nlines
--   Seq Scan on t
";
        assert_eq!(text, expected);
    }
}
