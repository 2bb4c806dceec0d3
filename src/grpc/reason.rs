//! A reason → its gRPC code, and how long a caller should wait before it tries again.
//!
//! Callers refused together are told different times, so that they do not come back together.

use std::time::Duration;

use tonic::Code;

use crate::contract::options::Reason;

pub fn code(reason: Reason) -> Code {
    match reason {
        Reason::FieldInvalid
        | Reason::FilterInvalid
        | Reason::OrderInvalid
        | Reason::TokenInvalid
        | Reason::NameInvalid
        | Reason::MaskInvalid
        | Reason::ValueMalformed
        | Reason::ValueRejected => Code::InvalidArgument,
        Reason::RowMissing => Code::NotFound,
        Reason::ValueUnrepresentable | Reason::RowTooLarge | Reason::ResultTooLarge => Code::OutOfRange,
        Reason::RowExists => Code::AlreadyExists,
        Reason::ReferenceMissing | Reason::RowReferenced | Reason::ResourceUnfit => Code::FailedPrecondition,
        Reason::EtagMismatch | Reason::TransactionConflict | Reason::StatementCancelled => Code::Aborted,
        Reason::CredentialMissing | Reason::CredentialInvalid | Reason::CredentialExpired => {
            Code::Unauthenticated
        }
        Reason::AccessDenied => Code::PermissionDenied,
        Reason::DatabaseBusy | Reason::Overloaded | Reason::CallerLimit => Code::ResourceExhausted,
        Reason::DeadlinePassed => Code::DeadlineExceeded,
        Reason::CallCancelled => Code::Cancelled,
        Reason::DatabaseUnreachable | Reason::CatalogChanged => Code::Unavailable,
        // A function's own code is in its SQLSTATE; without one there is none to give.
        Reason::FunctionRaised => Code::Unknown,
        Reason::Unspecified | Reason::Internal => Code::Internal,
    }
}

/// From half of the reason's usual time to half as much again, at random. None: trying the same again
/// changes nothing.
pub fn retry_after(reason: Reason) -> Option<Duration> {
    let usual = retry_usually_after(reason)?;
    let usual = usual.as_millis() as u64;
    Some(Duration::from_millis(rand::random_range(usual / 2..=usual * 3 / 2)))
}

fn retry_usually_after(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::TransactionConflict => Some(Duration::from_millis(50)),
        Reason::CatalogChanged => Some(Duration::from_millis(500)),
        Reason::DatabaseBusy | Reason::Overloaded | Reason::CallerLimit | Reason::DatabaseUnreachable => {
            Some(Duration::from_secs(1))
        }
        _ => None,
    }
}

/// Whether the caller's library is told, too, when to try again: when this server has too much to do.
pub fn pushes_back(reason: Reason) -> bool {
    matches!(reason, Reason::DatabaseBusy | Reason::Overloaded | Reason::CallerLimit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_refused_together_are_told_times_of_their_own() {
        let told: Vec<Duration> = (0..100).filter_map(|_| retry_after(Reason::Overloaded)).collect();
        assert_eq!(told.len(), 100);
        let (soonest, latest) = (told.iter().min().unwrap(), told.iter().max().unwrap());
        assert!(*soonest >= Duration::from_millis(500) && *latest <= Duration::from_millis(1_500));
        // A hundred draws that all lie within a quarter of the range happen once in 10^57.
        assert!(*latest - *soonest > Duration::from_millis(250), "{soonest:?} to {latest:?}");
        assert_eq!(retry_after(Reason::RowMissing), None);
    }
}
