//! Kept answers: what is served from them, to whom, and when it is not; one file per promise.

mod altered;
mod gets;
mod gone;
mod lists;
mod moments;
mod shared;
mod split;
mod stock;
mod successor;
mod tokens;
mod untracked;
mod verified;
mod weight;
