//! JSON text, as Postgres stores it → the body of google.protobuf.Struct, Value or ListValue.

use bytes::BufMut;

use super::error::Fault;
use super::put;
use crate::plan::codec::JsonRoot;
use crate::plan::value::BadBytes;

/// Objects and lists within each other. Each is up to three messages, and protobuf's readers
/// usually refuse more than a hundred within each other.
const NESTING_MAX: usize = 30;

pub fn write(root: JsonRoot, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut json = Json { text: text.as_bytes(), at: 0, depth: 0 };
    match (root, json.peek()?) {
        (JsonRoot::Struct, b'{') => json.object(out)?,
        (JsonRoot::ListValue, b'[') => json.array(out)?,
        (JsonRoot::Value, _) => json.value(out)?,
        (JsonRoot::Struct, _) => return Err(not("an object", "Struct")),
        (JsonRoot::ListValue, _) => return Err(not("an array", "ListValue")),
    }
    json.skip_space();
    if json.at == json.text.len() { Ok(()) } else { Err(BadBytes.into()) }
}

fn not(what: &str, message: &str) -> Fault {
    Fault::unrepresentable(format!(
        "is JSON but not {what}, as google.protobuf.{message} wants: make the field a google.protobuf.Value"
    ))
}

struct Json<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Json<'a> {
    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no space, without taking it.
    fn peek(&mut self) -> Result<u8, BadBytes> {
        self.skip_space();
        self.text.get(self.at).copied().ok_or(BadBytes)
    }

    fn expect(&mut self, byte: u8) -> Result<(), BadBytes> {
        if self.peek()? != byte {
            return Err(BadBytes);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), BadBytes> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(BadBytes);
        }
        self.at += word.len();
        Ok(())
    }

    /// The body of a Value.
    fn value(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self.peek()? {
            b'n' => {
                self.word("null")?;
                put::tag(out, 1, put::VARINT);
                out.put_u8(0);
            }
            b't' => {
                self.word("true")?;
                put::tag(out, 4, put::VARINT);
                out.put_u8(1);
            }
            b'f' => {
                self.word("false")?;
                put::tag(out, 4, put::VARINT);
                out.put_u8(0);
            }
            b'"' => {
                put::tag(out, 3, put::DELIMITED);
                put::delimited(out, |out| self.string(out))?;
            }
            b'{' => {
                put::tag(out, 5, put::DELIMITED);
                put::delimited(out, |out| self.object(out))?;
            }
            b'[' => {
                put::tag(out, 6, put::DELIMITED);
                put::delimited(out, |out| self.array(out))?;
            }
            _ => {
                let number = self.number()?;
                put::tag(out, 2, put::FIXED64);
                out.put_f64_le(number);
            }
        }
        Ok(())
    }

    /// The body of a Struct: `map<string, Value> fields = 1`.
    fn object(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.enter()?;
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return self.leave();
        }
        loop {
            put::tag(out, 1, put::DELIMITED);
            put::delimited(out, |out| {
                self.peek()?;
                put::tag(out, 1, put::DELIMITED);
                put::delimited(out, |out| self.string(out))?;
                self.expect(b':')?;
                put::tag(out, 2, put::DELIMITED);
                put::delimited(out, |out| self.value(out))
            })?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => {
                    self.expect(b'}')?;
                    return self.leave();
                }
            }
        }
    }

    /// The body of a ListValue: `repeated Value values = 1`.
    fn array(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.enter()?;
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return self.leave();
        }
        loop {
            put::tag(out, 1, put::DELIMITED);
            put::delimited(out, |out| self.value(out))?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => {
                    self.expect(b']')?;
                    return self.leave();
                }
            }
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let why = format!("is JSON of more than {NESTING_MAX} levels: make the field a string");
            return Err(Fault::unrepresentable(why));
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Fault> {
        self.depth -= 1;
        Ok(())
    }

    fn number(&mut self) -> Result<f64, Fault> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| BadBytes)?;
        let number: f64 = text.parse().map_err(|_| BadBytes)?;
        if number.is_infinite() {
            let why = "has a number larger than a double can be: make the field a string";
            return Err(Fault::unrepresentable(why));
        }
        self.at += length;
        Ok(number)
    }

    /// A string without its quotes, its escapes resolved.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.expect(b'"')?;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\')).ok_or(BadBytes)?;
            out.put_slice(&rest[..plain]);
            self.at += plain + 1;
            if rest[plain] == b'"' {
                return Ok(());
            }
            let escaped = *rest.get(plain + 1).ok_or(BadBytes)?;
            self.at += 1;
            let c = match escaped {
                b'"' | b'\\' | b'/' => char::from(escaped),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.code_point()?,
                _ => return Err(BadBytes.into()),
            };
            out.put_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Behind `\u`: one code unit, or two that make a pair.
    fn code_point(&mut self) -> Result<char, Fault> {
        let first = self.code_unit()?;
        let half = || {
            Fault::unrepresentable(
                "has half of a surrogate pair, which is no character: make the field a string",
            )
        };
        match first {
            0xD800..=0xDBFF => {
                if self.word("\\u").is_err() {
                    return Err(half());
                }
                let second = self.code_unit()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(half());
                }
                char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or_else(half)
            }
            _ => char::from_u32(first).ok_or_else(half),
        }
    }

    fn code_unit(&mut self) -> Result<u32, BadBytes> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(BadBytes)?;
        self.at += 4;
        digits.iter().try_fold(0, |n, d| Some(n << 4 | char::from(*d).to_digit(16)?)).ok_or(BadBytes)
    }
}
