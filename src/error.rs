//! Why a call failed, whatever stage it was at.

use crate::contract::Problem;
use crate::plan::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request cannot be bound")]
    Refused(#[from] Refusal),
    #[error("{kind}: no such row")]
    Missing { kind: String, names: Vec<String> },
    #[error("{subject} does not fit the database")]
    Unfit { subject: String, problems: Vec<Problem> },
    #[error("the answer is larger than {bytes_max} bytes")]
    ResultTooLarge { bytes_max: usize },
}
