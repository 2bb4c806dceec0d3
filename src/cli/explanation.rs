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
            writeln!(f, "\n{heading}-- {purpose}{heading:#}\n{};", sql.trim_end().trim_end_matches(';'))?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
FROM t WHERE a = $1;
--   $1 = two\\nlines
--   Seq Scan on t
";
        assert_eq!(text, expected);
    }
}
