//! Rows, one after another → a response message with a field of rows and a few fields around it.

use super::Settings;
use crate::contract::options::Reason;
use crate::error::Error;
use crate::plan::token::TOKEN_BYTES_MAX;
use crate::plan::{Method, Violation};
use crate::wire;

/// How large a page may become.
pub(super) fn limits(settings: &Settings, page_bytes_max: usize) -> wire::Limits {
    wire::Limits { page_bytes_max, message_bytes_max: settings.message_bytes_max }
}

/// The same with room for the token behind the rows, but for a row that needs the room itself.
pub(super) fn limits_with_token(settings: &Settings) -> wire::Limits {
    let message = settings.message_bytes_max;
    let room = message.saturating_sub(TOKEN_BYTES_MAX).max(message / 2);
    limits(settings, settings.page_bytes_max.min(room))
}

/// The token that goes on behind the last row, a string field of the response.
pub(super) fn token(
    page: &mut wire::Page,
    method: &Method,
    field: &str,
    token: &str,
    settings: &Settings,
) -> Result<(), Error> {
    if token.len() > TOKEN_BYTES_MAX {
        let description = format!(
            "a value of this order is larger than the {TOKEN_BYTES_MAX} bytes that a token may have; order by another field"
        );
        return Err(Error::Refused(Violation::new(Reason::OrderInvalid, "order_by", description).into()));
    }
    text(page, method, field, token);
    match page.bytes() {
        bytes if bytes > settings.message_bytes_max => Err(Error::Wire(wire::Error::RowTooLarge {
            row: "a row with the token behind it".to_owned(),
            bytes,
            bytes_max: settings.message_bytes_max,
        })),
        _ => Ok(()),
    }
}

/// A string field of the response, if it has one of this name.
fn text(page: &mut wire::Page, method: &Method, field: &str, text: &str) {
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
