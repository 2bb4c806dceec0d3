//! What the cache refuses to take in.

/// Texts that are none, and answers that do not fit what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Of our own feed: a fault of the database's version or of ours.
    #[error("not a snapshot ({why}): `{text}`; pg_current_snapshot() prints xmin:xmax:xid,xid,…")]
    Snapshot { text: String, why: &'static str },

    /// Of a caller's.
    #[error("{why}; send `rowcall-token` as it was received, or leave it out")]
    Token { why: &'static str },

    /// Of a caller's. What it stood for may be gone, so waiting for it is of no use.
    #[error(
        "the token is from before the database crashed, failed over or was restored; \
         leave `rowcall-token` out, read again, and go on with the new one"
    )]
    TokenForeign,

    /// Nothing is served until `reset`.
    #[error(
        "the database went back: it said {known} before and {answered} now; \
         what was kept is dropped, and the ledger needs a reset with a new epoch"
    )]
    WentBack { known: String, answered: String },

    /// Nothing was applied.
    #[error(
        "the answer is to what was asked before another answer, a reset, or the end of an epoch; ask again"
    )]
    Outdated,

    /// Nothing was applied.
    #[error("the ledger has no epoch; reset it first")]
    Unset,
}
