//! A function or a file of SQL and its arguments → a statement.

use super::draft::Draft;
use super::{About, Identifier, Param, Statement};
use crate::plan::method::{Argument, Function, FunctionCall, RowColumn};

/// `arguments` stand in the order of `Function::arguments`; None leaves an argument to its
/// default, or, in a file of SQL, makes it NULL.
pub fn call(function: &Function, arguments: &[Option<Param>]) -> Statement {
    let mut draft = Draft::default();
    let (from, alias) = match &function.call {
        FunctionCall::Routine(name) => {
            let given: Vec<String> = function
                .arguments
                .iter()
                .zip(arguments)
                .filter_map(|(argument, value)| Some((argument, value.clone()?)))
                .map(|(argument, value)| {
                    let name = Identifier::new(&argument.name);
                    format!("{name} => {}", draft.param(value, argument.value.cast.as_deref()))
                })
                .collect();
            (format!("{name}({})", given.join(", ")), alias(&function.row.columns))
        }
        FunctionCall::Query(text) => {
            for (argument, value) in function.arguments.iter().zip(arguments) {
                let null = Param { oid: argument.value.oid, value: None };
                draft.param(value.clone().unwrap_or(null), None);
            }
            // The line break ends a comment that the file may end with.
            (format!("({}\n)", with_casts(text, &function.arguments)), "q".to_owned())
        }
    };
    let columns: Vec<String> = function.row.columns.iter().map(column).collect();
    Statement {
        text: format!("SELECT {} FROM {from} AS {alias}", columns.join(", ")).into(),
        params: draft.into_params(),
        columns: function.row.columns.iter().map(|c| c.read.result(c.oid)).collect(),
        about: Some(about(function).into()),
    }
}

fn about(function: &Function) -> About {
    let (verb, name) = match &function.call {
        FunctionCall::Routine(name) => ("CALL", name.rsplit('.').next().unwrap_or_default()),
        FunctionCall::Query(_) => ("QUERY", "file"),
    };
    let collection = name.trim_matches('"').to_owned();
    About { summary: format!("{verb} {collection}"), collection }
}

/// A function that returns one value names no column: the alias does.
fn alias(columns: &[RowColumn]) -> String {
    match columns {
        [only] if only.name.is_empty() => "q(v)".to_owned(),
        _ => "q".to_owned(),
    }
}

fn column(column: &RowColumn) -> String {
    let name = match column.name.as_str() {
        "" => "q.v".to_owned(),
        name => format!("q.{}", Identifier::new(name)),
    };
    column.read.of(name)
}

/// The text with `$n` cast wherever the argument's type is not the parameter's, and without the
/// semicolon that may end a file.
fn with_casts(text: &str, arguments: &[Argument]) -> String {
    let text = text.trim_end().trim_end_matches(';');
    if arguments.iter().all(|argument| argument.value.cast.is_none()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        if rest.starts_with('$') && digits > 0 {
            let (number, after) = rest.split_at(1 + digits);
            let position = number[1..].parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            match position.and_then(|at| arguments.get(at)?.value.cast.as_deref()) {
                Some(cast) => out.push_str(&format!("({number}::{cast})")),
                None => out.push_str(number),
            }
            rest = after;
            continue;
        }
        let (piece, after) = rest.split_at(piece_length(rest));
        out.push_str(piece);
        rest = after;
    }
    out
}

/// The length of the string, quoted name, comment or character that the text begins with: what a
/// `$1` inside of is no parameter.
fn piece_length(text: &str) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let until =
        |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    match text.as_bytes()[0] {
        b'\'' => until(1, "'"),
        b'"' => until(1, "\""),
        b'-' if text.starts_with("--") => until(2, "\n"),
        b'/' if text.starts_with("/*") => comment_length(text),
        b'e' | b'E' if text[1..].starts_with('\'') => escaped_length(text),
        b'$' => {
            let tag = text[1..]
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80)
                .count();
            match text[1 + tag..].starts_with('$') {
                true => until(tag + 2, &text[..tag + 2]),
                false => 1,
            }
        }
        // A word as a whole: the `$1` of `a$1` belongs to the name.
        b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => text
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(text.len())
            .max(first),
        _ => first,
    }
}

/// Comments nest.
fn comment_length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `E'it\'s'`: a backslash takes the next character with it.
fn escaped_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(2) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::value::{Class, ValueType};
    use crate::sql::oid;

    fn argument(cast: Option<&str>) -> Argument {
        let cast = cast.map(str::to_owned);
        let value = ValueType {
            oid: oid::TEXT,
            array_oid: oid::TEXT_ARRAY,
            cast,
            name: "x".into(),
            class: Class::Other,
        };
        Argument { name: "x".to_owned(), value, field: None, optional: false }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(with_casts(text, &[argument(None), argument(Some("money"))]), expected);
    }

    #[test]
    fn only_parameters_are_cast() {
        check("SELECT $1, $2, $22 ;\n", "SELECT $1, ($2::money), $22 ");
        check("'$2' E'\\'$2' \"$2\" a$2 $2", "'$2' E'\\'$2' \"$2\" a$2 ($2::money)");
        check("$$ $2 $$ $é$ $2 $é$ $2", "$$ $2 $$ $é$ $2 $é$ ($2::money)");
        check("/* $2 /* */ $2 */ $2 -- $2\n$2", "/* $2 /* */ $2 */ ($2::money) -- $2\n($2::money)");
        check("'open $2", "'open $2");
        check("ünïcode $2", "ünïcode ($2::money)");
    }

    #[test]
    fn without_casts_the_text_stays() {
        assert_eq!(with_casts("SELECT $1; ", &[argument(None)]), "SELECT $1");
    }
}
