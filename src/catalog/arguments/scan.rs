//! SQL text → pieces, as far as Postgres' lexer must be followed to know what is an argument.

use super::Error;

/// A piece of a file; all of them in a row are the file again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Blanks and comments.
    Space(&'a str),
    Word(&'a str),
    /// `:name`, without the colon.
    Argument(&'a str),
    Semicolon,
    /// A string, a quoted name, a number, an operator.
    Other(&'a str),
}

impl<'a> Piece<'a> {
    pub(super) fn text(&self) -> &'a str {
        match self {
            Piece::Space(text) | Piece::Word(text) | Piece::Argument(text) | Piece::Other(text) => text,
            Piece::Semicolon => ";",
        }
    }
}

/// Walks a file piece by piece; stops for good at the first error.
pub(super) struct Scanner<'a> {
    file: &'a str,
    at: usize,
    line: usize,
    /// The brackets that are open, innermost last.
    brackets: Vec<u8>,
    failed: bool,
}

impl<'a> Iterator for Scanner<'a> {
    /// The piece and the line it begins on.
    type Item = Result<(Piece<'a>, usize), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.at == self.file.len() {
            return None;
        }
        let line = self.line;
        let piece = self.piece();
        self.failed = piece.is_err();
        Some(piece.map(|piece| (piece, line)))
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Scanner { file, at: 0, line: 1, brackets: Vec::new(), failed: false }
    }

    fn piece(&mut self) -> Result<Piece<'a>, Error> {
        let rest = &self.file[self.at..];
        let bytes = rest.as_bytes();
        let second = bytes.get(1).copied().unwrap_or_default();
        Ok(match bytes[0] {
            b if b.is_ascii_whitespace() || b == 0x0b => {
                Piece::Space(self.take(span(rest, |c| c.is_ascii_whitespace() || c == '\x0b')))
            }
            b'-' if second == b'-' => Piece::Space(self.take(rest.find('\n').unwrap_or(rest.len()))),
            b'/' if second == b'*' => Piece::Space(self.take(self.open(comment(rest), "a comment")?)),
            b'\'' => Piece::Other(self.take(self.open(quoted(rest, '\''), "a string")?)),
            b'"' => Piece::Other(self.take(self.open(quoted(rest, '"'), "a quoted name")?)),
            b'e' | b'E' if second == b'\'' => Piece::Other(self.take(self.open(escaped(rest), "a string")?)),
            b'$' => self.dollar(rest)?,
            b':' => self.colon(rest)?,
            b';' => {
                self.take(1);
                Piece::Semicolon
            }
            b if b.is_ascii_digit() => Piece::Other(self.take(span(rest, |c| is_word(c) || c == '.'))),
            _ if rest.starts_with(is_word_start) => Piece::Word(self.take(span(rest, is_word))),
            b => {
                self.bracket(b);
                Piece::Other(self.take(rest.chars().next().map_or(1, char::len_utf8)))
            }
        })
    }

    /// Moves past `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.file[self.at..self.at + length];
        self.at += length;
        self.line += taken.matches('\n').count();
        taken
    }

    fn open(&self, length: Option<usize>, what: &'static str) -> Result<usize, Error> {
        length.ok_or(Error::Open { line: self.line, what })
    }

    fn bracket(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' => self.brackets.push(byte),
            b')' | b']' => drop(self.brackets.pop()),
            _ => {}
        }
    }

    /// `$tag$ … $tag$`, or `$1`, which is ours to give.
    fn dollar(&mut self, rest: &'a str) -> Result<Piece<'a>, Error> {
        let after = &rest[1..];
        let digits = span(after, |c| c.is_ascii_digit());
        if digits > 0 {
            return Err(Error::ByNumber { line: self.line, number: after[..digits].to_owned() });
        }
        let tag = span(after, |c| is_word(c) && c != '$');
        if !after[tag..].starts_with('$') {
            return Ok(Piece::Other(self.take(1)));
        }
        let delimiter = &rest[..tag + 2];
        let close = rest[delimiter.len()..].find(delimiter).map(|at| at + 2 * delimiter.len());
        Ok(Piece::Other(self.take(self.open(close, "a dollar-quoted string")?)))
    }

    /// `::` is a cast, `:=` names a function's argument, `a[x:y]` is a slice; `:name` is what remains.
    fn colon(&mut self, rest: &'a str) -> Result<Piece<'a>, Error> {
        let after = &rest[1..];
        if after.starts_with([':', '=']) {
            return Ok(Piece::Other(self.take(2)));
        }
        if after.starts_with(['\'', '"']) {
            return Err(Error::QuotedArgument { line: self.line });
        }
        if !after.starts_with(is_word_start) || self.slices() {
            return Ok(Piece::Other(self.take(1)));
        }
        self.take(1);
        Ok(Piece::Argument(self.take(span(after, |c| is_word(c) && c != '$'))))
    }

    /// Whether a colon here parts the bounds of a slice: directly in `[]`, it touches what stands before it.
    fn slices(&self) -> bool {
        let touches = |c: char| is_word(c) || matches!(c, ')' | ']' | '"' | '\'');
        self.brackets.last() == Some(&b'[') && self.file[..self.at].ends_with(touches)
    }
}

/// How many bytes at the start are made of such characters.
fn span(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

/// Postgres takes every byte above ASCII for a letter.
fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '$'
}

/// The length of a quoted piece in which the quote is written twice.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += rest[at..].find(quote)? + 1;
        if !rest[at..].starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// The length of `E'…'`, in which a backslash escapes, and which goes on after a line break.
fn escaped(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 2;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => {
                at += 1;
                let blanks = span(&rest[at..], |c| c.is_ascii_whitespace());
                if !(rest[at..at + blanks].contains('\n') && rest[at + blanks..].starts_with('\'')) {
                    return Some(at);
                }
                at += blanks + 1;
            }
            _ => at += 1,
        }
    }
}

/// The length of a comment, in which comments nest.
fn comment(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}
