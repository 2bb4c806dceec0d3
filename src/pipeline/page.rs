//! Rows, one after another → a response message with a field of rows and a few fields around it.

use super::Settings;
use crate::plan::Method;
use crate::wire;

/// How large a page may become.
pub(super) fn limits(settings: &Settings, page_bytes_max: usize) -> wire::Limits {
    wire::Limits { page_bytes_max, message_bytes_max: settings.message_bytes_max }
}

/// A string field of the response, if it has one of this name.
pub(super) fn text(page: &mut wire::Page, method: &Method, field: &str, text: &str) {
    if let Some(field) = method.output.get_field_by_name(field) {
        page.string_field(field.number(), text);
    }
}

/// An integer field of the response, if it has one of this name; more than it holds is cut down.
pub(super) fn count(page: &mut wire::Page, method: &Method, field: &str, count: u64) {
    if let Some(field) = method.output.get_field_by_name(field) {
        let most = match field.kind() {
            prost_reflect::Kind::Int32 => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        page.int_field(field.number(), i64::try_from(count).unwrap_or(i64::MAX).min(most));
    }
}
