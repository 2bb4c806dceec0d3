//! A filter's text → its literals and names, each replaced by a placeholder that says which it is.
//!
//! The parser's tree has no places, and it resolves escapes its own way. Behind placeholders it
//! sees neither: `title = "a\*"` reaches it as `v0 = v1`.

use super::Wrong;

/// The lexed text. `rewritten` is what the parser is given.
pub struct Source<'t> {
    pub text: &'t str,
    pub rewritten: String,
    pub words: Vec<Word>,
    /// Where placeholders begin in `rewritten`, with the byte of `text` they stand for.
    starts: Vec<(usize, usize)>,
}

/// A name or a value, as it stands between dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub start: usize,
    pub end: usize,
    pub quoted: bool,
    /// Escapes resolved.
    pub text: String,
    /// A star at the end that is no character of the text but means "anything".
    pub star_first: bool,
    pub star_last: bool,
}

impl Word {
    /// The text with its stars, for where they have no meaning.
    pub fn whole(&self) -> String {
        let star = |star: bool| if star { "*" } else { "" };
        format!("{}{}{}", star(self.star_first), self.text, star(self.star_last))
    }
}

impl Source<'_> {
    /// The word behind a placeholder. In a value a minus stays in front of it.
    pub fn word(&self, placeholder: &str) -> Option<&Word> {
        let index = placeholder.trim_start_matches('-').strip_prefix('v')?;
        self.words.get(index.parse::<usize>().ok()?)
    }

    /// The byte of the text that a byte of `rewritten` comes from.
    pub fn original(&self, offset: usize) -> usize {
        let at = self.starts.partition_point(|(rewritten, _)| *rewritten <= offset);
        let mapped = match at.checked_sub(1).map(|at| (at, self.starts[at])) {
            None => offset,
            Some((index, (rewritten, original))) => {
                let placeholder_end = rewritten + format!("v{index}").len();
                match offset {
                    _ if offset < placeholder_end => original,
                    _ => self.words[index].end + (offset - placeholder_end),
                }
            }
        };
        let mut mapped = mapped.min(self.text.len());
        while !self.text.is_char_boundary(mapped) {
            mapped -= 1;
        }
        mapped
    }
}

pub fn lex(text: &str) -> Result<Source<'_>, Wrong> {
    let mut source =
        Source { text, rewritten: String::with_capacity(text.len()), words: Vec::new(), starts: Vec::new() };
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '"' || c == '\'' {
            let word = string(text, at, c)?;
            at = word.end;
            source.push(word);
        } else if is_word(c) {
            let length = text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
            at = source.bare(at, at + length)?;
        } else {
            source.rewritten.push(c);
            at += c.len_utf8();
        }
    }
    Ok(source)
}

/// What the grammar calls TEXT goes up to the next of these.
fn is_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '.' | '(' | ')' | ',' | '"' | '\'' | '=' | '<' | '>' | '!' | ':')
}

impl Source<'_> {
    fn push(&mut self, word: Word) {
        self.starts.push((self.rewritten.len(), word.start));
        self.rewritten.push_str(&format!("v{}", self.words.len()));
        self.words.push(word);
    }

    /// Text without quotes, from one byte to another; returns where to go on.
    fn bare(&mut self, start: usize, end: usize) -> Result<usize, Wrong> {
        let (text, after) = (&self.text[start..end], &self.text[end..]);
        let in_path = self.text[..start].ends_with('.') || after.starts_with('.');
        if matches!(text, "AND" | "OR" | "NOT") && !in_path {
            self.rewritten.push_str(text);
            if after.starts_with('(') {
                self.rewritten.push(' ');
            }
            return Ok(end);
        }
        if after.starts_with(':') && is_date_and_hour(text) {
            return Err(Wrong::new(start, "a timestamp stands in quotes: \"2006-01-02T15:04:05Z\""));
        }
        // Whether a minus negates a condition or a number is for the parser to say.
        let start = match text.strip_prefix('-') {
            Some(rest) if !rest.is_empty() || after.starts_with(['"', '\'', '(']) => {
                self.rewritten.push('-');
                start + 1
            }
            _ => start,
        };
        if start < end {
            let text = self.text[start..end].to_owned();
            let bare = Word { start, end, quoted: false, text, star_first: false, star_last: false };
            self.push(stars(bare, [false, false]));
        }
        Ok(end)
    }
}

fn is_date_and_hour(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00" || shape == "0000-00-00t00"
}

fn string(text: &str, start: usize, quote: char) -> Result<Word, Wrong> {
    let mut out = String::new();
    let mut chars = text[start + 1..].char_indices().map(|(at, c)| (start + 1 + at, c));
    // A star that was escaped is a character, at whichever end it stands.
    let mut escaped_first = false;
    let mut escaped_last = false;
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let word =
                Word { start, end: at + 1, quoted: true, text: out, star_first: false, star_last: false };
            return Ok(stars(word, [escaped_first, escaped_last]));
        }
        escaped_last = c == '\\';
        if c != '\\' {
            out.push(c);
            continue;
        }
        escaped_first |= out.is_empty();
        let Some((_, escaped)) = chars.next() else { break };
        out.push(match escaped {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode(at, &mut chars)?,
            c if c.is_ascii_alphanumeric() => {
                return Err(Wrong::new(at, format!("\\{c} is no escape; write \\\\ for a backslash")));
            }
            c => c,
        });
    }
    Err(Wrong::new(start, "a string's closing quote is missing"))
}

/// `\u00e9`, and `\ud83d\ude00` for what lies beyond four digits.
fn unicode(at: usize, chars: &mut impl Iterator<Item = (usize, char)>) -> Result<char, Wrong> {
    let wrong = || {
        Wrong::new(at, "\\u takes four hexadecimal digits of a character; pairs of surrogates come together")
    };
    let mut unit =
        || (0..4).try_fold(0u32, |unit, _| Some(unit * 16 + chars.next()?.1.to_digit(16)?)).ok_or_else(wrong);
    let first = unit()?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).ok_or_else(wrong);
    }
    let paired = chars.next().is_some_and(|(_, c)| c == '\\') && chars.next().is_some_and(|(_, c)| c == 'u');
    if !paired {
        return Err(wrong());
    }
    let second = (0..4)
        .try_fold(0u32, |unit, _| Some(unit * 16 + chars.next()?.1.to_digit(16)?))
        .filter(|second| (0xdc00..0xe000).contains(second))
        .ok_or_else(wrong)?;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or_else(wrong)
}

/// Takes the stars that mean "anything" off the text's ends.
fn stars(mut word: Word, escaped: [bool; 2]) -> Word {
    if word.text.ends_with('*') && !escaped[1] {
        word.text.pop();
        word.star_last = true;
    }
    if word.text.starts_with('*') && !escaped[0] {
        word.text.remove(0);
        word.star_first = true;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, bool, bool)> {
        let source = lex(text).map_err(|w| w.description).expect("lexes");
        source.words.into_iter().map(|w| (w.text, w.star_first, w.star_last)).collect()
    }

    #[test]
    fn literals_are_replaced() {
        let source = lex(r#"a.b = "x y" AND NOT(-c:2.5)"#).map_err(|w| w.description).expect("lexes");
        assert_eq!(source.rewritten, "v0.v1 = v2 AND NOT (-v3:v4.v5)");
        assert_eq!(source.words[2].text, "x y");
        assert_eq!(source.original(source.rewritten.find("v3").unwrap()), 21);
    }

    #[test]
    fn stars_stand_at_the_ends() {
        let word = |text: &str, first, last| vec![(text.to_owned(), first, last)];
        assert_eq!(words(r#""Ba*""#), word("Ba", false, true));
        assert_eq!(words(r#""*a*b*""#), word("a*b", true, true));
        assert_eq!(words(r#""\*a\*""#), word("*a*", false, false));
        assert_eq!(words(r#""*""#), word("", false, true));
        assert_eq!(words(r#""\\*""#), word("\\", false, true));
        assert_eq!(words("*"), word("", false, true));
    }

    #[test]
    fn escapes_are_resolved() {
        let word = |text: &str| vec![(text.to_owned(), false, false)];
        assert_eq!(words(r#""\u00e9\ud83d\ude00\"\n""#), word("é😀\"\n"));
        for bad in [r#""\u12""#, r#""\ud83d""#, r#""\ude00""#, r#""\x41""#, r#""open"#, r#""\"#] {
            assert!(lex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn timestamps_are_quoted() {
        let said = lex("a > 2020-01-01T00:00:00Z").map(|_| ()).unwrap_err();
        assert_eq!((said.byte, &said.description[..11]), (4, "a timestamp"));
    }
}
