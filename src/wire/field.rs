//! One column's binary value → one protobuf field.

use bytes::BufMut;

use super::error::Fault;
use super::{json, proto_json, put, time};
use crate::plan::codec::{
    Codec, FieldCodec, Flag, Integer, IntegerForm, JsonBinary, JsonRoot, Packing, Presence, RangeCodec,
    RealForm, Shape, Utf8,
};
use crate::plan::value::binary::{BadBytes, Bounds, Elements, Reader, ranges, whole};
use crate::plan::value::time::Interval;

/// The whole field, tags and all; nothing for NULL. A fault names the path from this field on.
pub fn write(codec: &FieldCodec, value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let Some(bytes) = value else { return Ok(()) };
    let written = match &codec.shape {
        Shape::One(one) => single(codec, one, bytes, out),
        Shape::Array { codec: element, packing } => return array(codec, element, *packing, bytes, out),
        Shape::Multirange(range) => multirange(codec, range, bytes, out),
        Shape::Hstore(utf8) => hstore(codec, *utf8, bytes, out),
        Shape::JsonMap { binary, parent, name } => {
            json_text(*binary, bytes).and_then(|text| proto_json::field(parent, name, text, out))
        }
    };
    written.map_err(|fault| fault.within(&codec.name))
}

fn single(field: &FieldCodec, codec: &Codec, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    // JSON's null is an absent message, but for Value, which has a null of its own.
    if let Codec::ProtoJson { binary, .. }
    | Codec::Json { binary, root: JsonRoot::Struct | JsonRoot::ListValue } = codec
        && json_text(*binary, bytes)?.trim_ascii() == "null"
    {
        return Ok(());
    }
    let start = out.len();
    put::varint(out, u64::from(field.tag));
    let value = out.len();
    payload(codec, bytes, out)?;
    // A zero value is all zeros: a varint, a fixed number, or a length with nothing behind it.
    if field.presence == Presence::Implicit && out[value..].iter().all(|byte| *byte == 0) {
        out.truncate(start);
    }
    Ok(())
}

fn array(
    field: &FieldCodec,
    codec: &Codec,
    packing: Packing,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let whole = |fault: Fault| fault.within(&field.name);
    let mut elements = Elements::read(bytes).map_err(|bad| whole(bad.into()))?;
    if elements.dimensions > 1 {
        let why = format!(
            "an array of {} dimensions is no repeated field; make the field a string",
            elements.dimensions
        );
        return Err(whole(Fault::unrepresentable(why)));
    }
    if elements.count == 0 {
        return elements.end().map_err(|bad| whole(bad.into()));
    }
    let mut all = |out: &mut Vec<u8>| {
        for at in 0..elements.count {
            if packing == Packing::Separate {
                put::varint(out, u64::from(field.tag));
            }
            let element = elements.next_element().map_err(Fault::from);
            let written = element.and_then(|element| match element {
                Some(bytes) => payload(codec, bytes, out),
                None => Err(Fault::unrepresentable(
                    "is NULL, which a repeated field cannot hold; make the field a string",
                )),
            });
            written.map_err(|fault| fault.within_element(&field.name, at))?;
        }
        Ok::<_, Fault>(())
    };
    match packing {
        Packing::Separate => all(out)?,
        Packing::Packed => {
            put::varint(out, u64::from(field.tag));
            put::delimited(out, all)?;
        }
    }
    elements.end().map_err(|bad| whole(bad.into()))
}

fn multirange(field: &FieldCodec, codec: &Codec, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut fault = None;
    let read = ranges(bytes, |range| {
        put::varint(out, u64::from(field.tag));
        payload(codec, range, out).map_err(|e| {
            fault = Some(e);
            BadBytes
        })
    });
    read.map_err(|bad| fault.unwrap_or_else(|| bad.into()))
}

fn hstore(field: &FieldCodec, utf8: Utf8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.u32()? {
        let key = reader.sized()?.ok_or(BadBytes)?;
        let Some(value) = reader.sized()? else {
            let why = format!(
                "the value of {:?} is NULL, which a map cannot hold; make the field a string",
                String::from_utf8_lossy(key)
            );
            return Err(Fault::unrepresentable(why));
        };
        put::varint(out, u64::from(field.tag));
        put::delimited(out, |out| {
            put::tag(out, 1, put::DELIMITED);
            text(utf8, key, out)?;
            put::tag(out, 2, put::DELIMITED);
            text(utf8, value, out)
        })?;
    }
    Ok(reader.end()?)
}

/// A value without its tag; with its length, where it has one.
fn payload(codec: &Codec, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    match codec {
        Codec::Bool => put::varint(out, u64::from(whole(bytes, Reader::u8)? != 0)),
        Codec::Integer { from, to } => {
            let n = integer(*from, bytes)?;
            match to {
                IntegerForm::Varint => put::integer(out, n),
                IntegerForm::Zigzag => put::zigzag(out, n),
                IntegerForm::Fixed32 => out.put_u32_le(n as u32),
                IntegerForm::Fixed64 => out.put_i64_le(n),
            }
        }
        Codec::EnumNumber(from) => {
            let n = integer(*from, bytes)?;
            if i32::try_from(n).is_err() {
                return Err(Fault::unrepresentable(format!(
                    "{n} is no number of an enum, which has 32 bits; make the field an int64"
                )));
            }
            put::integer(out, n);
        }
        Codec::Float4 { to } => {
            let value = whole(bytes, Reader::f32)?;
            match to {
                RealForm::Float => out.put_f32_le(value),
                RealForm::Double => out.put_f64_le(f64::from(value)),
            }
        }
        Codec::Float8 => out.put_f64_le(whole(bytes, Reader::f64)?),
        Codec::NumericDouble => numeric_double(bytes, out)?,
        Codec::Text(utf8) => text(*utf8, bytes, out)?,
        Codec::VersionedText(utf8) => text(*utf8, versioned(bytes)?, out)?,
        Codec::Written(value) => {
            put::delimited(out, |out| value.write(bytes, &mut put::Text(out)).map_err(Fault::from))?
        }
        Codec::Bytes => put::bytes(out, bytes),
        Codec::Label(labels) => put::integer(out, i64::from(labels.number(bytes))),
        Codec::Timestamp => put::delimited(out, |out| time::timestamp(whole(bytes, Reader::i64)?, out))?,
        Codec::Date => put::delimited(out, |out| time::date(whole(bytes, Reader::i32)?, out))?,
        Codec::TimeOfDay => put::delimited(out, |out| time::time_of_day(whole(bytes, Reader::i64)?, out))?,
        Codec::Interval => put::delimited(out, |out| time::interval(Interval::read(bytes)?, out))?,
        Codec::Count { from, unit } => {
            put::delimited(out, |out| time::count(integer(*from, bytes)?, *unit, out))?;
        }
        Codec::Json { binary, root } => {
            let text = json_text(*binary, bytes)?;
            put::delimited(out, |out| json::write(*root, text, out))?;
        }
        Codec::ProtoJson { binary, message } => {
            let text = json_text(*binary, bytes)?;
            put::delimited(out, |out| proto_json::message_body(message, text, out))?;
        }
        Codec::Composite(attributes) => put::delimited(out, |out| {
            let mut reader = Reader::new(bytes);
            if reader.u32()? as usize != attributes.len() {
                return Err(BadBytes.into());
            }
            for attribute in attributes.iter() {
                if reader.u32()? != attribute.type_oid {
                    return Err(BadBytes.into());
                }
                let value = reader.sized()?;
                attribute.fields.iter().try_for_each(|field| write(field, value, out))?;
            }
            Ok::<_, Fault>(reader.end()?)
        })?,
        Codec::Range(range) => put::delimited(out, |out| range_body(range, bytes, out))?,
        Codec::Multirange(field) => put::delimited(out, |out| write(field, Some(bytes), out))?,
    }
    Ok(())
}

fn integer(from: Integer, bytes: &[u8]) -> Result<i64, BadBytes> {
    match from {
        Integer::Int2 => whole(bytes, Reader::i16).map(i64::from),
        Integer::Int4 => whole(bytes, Reader::i32).map(i64::from),
        Integer::Int8 => whole(bytes, Reader::i64),
        Integer::Oid => whole(bytes, Reader::u32).map(i64::from),
    }
}

/// The digits are written where the number will stand, read, and taken back.
fn numeric_double(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    crate::plan::value::write_numeric(bytes, &mut put::Text(out))?;
    let text = std::str::from_utf8(&out[start..]).map_err(|_| BadBytes)?;
    let value: f64 = text.parse().map_err(|_| BadBytes)?;
    if value.is_infinite() && !text.ends_with("Infinity") {
        return Err(Fault::unrepresentable("is larger than a double can be; make the field a string"));
    }
    out.truncate(start);
    out.put_f64_le(value);
    Ok(())
}

fn text(utf8: Utf8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if utf8 == Utf8::Checked && std::str::from_utf8(bytes).is_err() {
        return Err(not_utf8());
    }
    put::bytes(out, bytes);
    Ok(())
}

fn versioned(bytes: &[u8]) -> Result<&[u8], BadBytes> {
    match bytes {
        [1, rest @ ..] => Ok(rest),
        _ => Err(BadBytes),
    }
}

fn json_text(binary: JsonBinary, bytes: &[u8]) -> Result<&str, Fault> {
    let text = match binary {
        JsonBinary::Json => bytes,
        JsonBinary::Jsonb => versioned(bytes)?,
    };
    std::str::from_utf8(text).map_err(|_| not_utf8())
}

fn not_utf8() -> Fault {
    Fault::unrepresentable("is not UTF-8, which a string must be; make the column bytea")
}

fn range_body(codec: &RangeCodec, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let bounds = Bounds::read(bytes)?;
    for (field, bound) in [(&codec.lower, bounds.lower), (&codec.upper, bounds.upper)] {
        if let Some(field) = field {
            write(field, bound, out)?;
        }
    }
    flag(codec.lower_inclusive, bounds.lower_inclusive, out);
    flag(codec.upper_inclusive, bounds.upper_inclusive, out);
    flag(codec.empty, bounds.empty, out);
    Ok(())
}

fn flag(field: Option<Flag>, value: bool, out: &mut Vec<u8>) {
    if let Some(field) = field
        && (value || field.presence == Presence::Explicit)
    {
        put::varint(out, u64::from(field.tag));
        out.put_u8(u8::from(value));
    }
}
