//! Names in one spelling → in another: snake_case, plurals, a type as one writes it.

use prost_reflect::{FieldDescriptor, Kind};

/// `invoiceLines`, `InvoiceLines` and `invoice-lines` → `invoice_lines`.
pub fn snake(text: &str) -> String {
    let mut snake = String::with_capacity(text.len() + 4);
    let mut lower = false;
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && lower {
            snake.push('_');
        }
        lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    snake
}

/// The regular English plural. Irregular ones are given by the resource option's `plural`.
pub fn plural(singular: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| singular.ends_with(ending));
    match singular.strip_suffix('y') {
        Some(stem) if !ends(&["ay", "ey", "iy", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends(&["s", "x", "z", "ch", "sh"]) => format!("{singular}es"),
        _ => format!("{singular}s"),
    }
}

/// A field's type as the contract writes it: `repeated int64`.
pub fn kind(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    let name = match &kind {
        Kind::Message(message) if message.is_map_entry() => return "a map".to_owned(),
        Kind::Message(message) => message.full_name(),
        Kind::Enum(kind) => kind.full_name(),
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
    };
    if field.is_list() { format!("repeated {name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case_and_plural() {
        for (text, expected) in [
            ("invoiceLines", "invoice_lines"),
            ("InvoiceLine", "invoice_line"),
            ("media-types", "media_types"),
            ("track", "track"),
            ("V2Track", "v2_track"),
        ] {
            assert_eq!(snake(text), expected);
        }
        for (singular, expected) in [
            ("track", "tracks"),
            ("category", "categories"),
            ("day", "days"),
            ("box", "boxes"),
            ("batch", "batches"),
        ] {
            assert_eq!(plural(singular), expected);
        }
    }
}
