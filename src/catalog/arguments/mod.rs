//! A file of SQL with `:name` arguments → one statement with `$n` parameters, and the names in their order.
//!
//! Only what stands between strings, quoted names, comments, casts and slices is touched, and no line
//! moves, so that a line of the statement is a line of the file.

mod scan;

use scan::{Piece, Scanner};

/// A file of SQL, ready to be described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Without the semicolon at the end.
    pub text: String,
    /// The names of `$1`, `$2`, …; each name once.
    pub names: Vec<String>,
}

/// Why a file of SQL cannot be a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no statement in this file: write one SELECT")]
    Empty,
    #[error("line {line}: a second statement begins here: keep one per file")]
    SecondStatement { line: usize },
    #[error("line {line}: {word} writes: a query may only read, so begin with SELECT, WITH, VALUES or TABLE")]
    Writes { line: usize, word: String },
    #[error("line {line}: {what} is never closed")]
    Open { line: usize, what: &'static str },
    #[error("line {line}: ${number} is a parameter by number: name it, as in :limit")]
    ByNumber { line: usize, number: String },
    #[error("line {line}: an argument is written without quotes, as in :limit: its value travels apart")]
    QuotedArgument { line: usize },
    #[error("line {line}: a statement has at most {PARAMETERS_MAX} arguments")]
    TooMany { line: usize },
}

/// The protocol counts parameters in 16 bits.
const PARAMETERS_MAX: usize = 65_535;

/// How a statement that only reads may begin.
const READING: [&str; 4] = ["select", "with", "values", "table"];

/// Pairs of words that begin a statement that writes, where a statement may begin inside another.
const WRITING: [(&str, &str); 3] = [("insert", "into"), ("delete", "from"), ("merge", "into")];

/// Replaces every `:name`; the same name is the same parameter.
pub fn number(file: &str) -> Result<Numbered, Error> {
    let mut text = String::with_capacity(file.len());
    let mut names: Vec<String> = Vec::new();
    let mut shape = Shape::default();
    for piece in Scanner::new(file) {
        let (piece, line) = piece?;
        shape.follow(&piece, line)?;
        match piece {
            Piece::Argument(name) => {
                let position = names.iter().position(|n| n == name).unwrap_or_else(|| {
                    names.push(name.to_owned());
                    names.len() - 1
                });
                if names.len() > PARAMETERS_MAX {
                    return Err(Error::TooMany { line });
                }
                text.push_str(&format!("${}", position + 1));
            }
            // The only one that can stand here ends the statement.
            Piece::Semicolon => text.push(' '),
            other => text.push_str(other.text()),
        }
    }
    match shape.began {
        true => Ok(Numbered { text, names }),
        false => Err(Error::Empty),
    }
}

/// What has been seen of the statement's shape.
#[derive(Default)]
struct Shape {
    began: bool,
    ended: bool,
    /// A word that stands where a statement may begin, in lower case.
    opening: Option<(String, usize)>,
    after_parenthesis: bool,
}

impl Shape {
    fn follow(&mut self, piece: &Piece<'_>, line: usize) -> Result<(), Error> {
        let begins = !self.began || self.after_parenthesis;
        match piece {
            Piece::Space(_) => return Ok(()),
            Piece::Semicolon if !self.began => return Ok(()),
            Piece::Semicolon => {
                self.ended = true;
                return Ok(());
            }
            _ if self.ended => return Err(Error::SecondStatement { line }),
            Piece::Other("(") => {
                self.after_parenthesis = true;
                return Ok(());
            }
            Piece::Other(")") => {
                self.began = true;
                self.opening = None;
                self.after_parenthesis = true;
                return Ok(());
            }
            Piece::Word(word) => self.word(&word.to_lowercase(), begins, line)?,
            _ => self.opening = None,
        }
        self.began = true;
        self.after_parenthesis = false;
        Ok(())
    }

    fn word(&mut self, word: &str, begins: bool, line: usize) -> Result<(), Error> {
        if !self.began && !READING.contains(&word) {
            return Err(Error::Writes { line, word: word.to_uppercase() });
        }
        if let Some((opening, line)) = self.opening.take() {
            // `UPDATE name SET`: of what follows `(`, only an alias of UPDATE could look like it.
            let updates = opening == "update" && !matches!(word, "from" | "as" | "and" | "or" | "is");
            if updates || WRITING.contains(&(opening.as_str(), word)) {
                return Err(Error::Writes { line, word: opening.to_uppercase() });
            }
        }
        if begins {
            self.opening = Some((word.to_owned(), line));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
