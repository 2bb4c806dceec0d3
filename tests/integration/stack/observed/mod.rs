//! A real Collector and a real Prometheus, with the files in deploy/, before a Rowcall with a standby and a Redis: what an
//! operator sees is what happened.

mod canaries;
mod programs;
mod seen;
mod told;
mod traces;
