//! Tests with tools that `make test-stack` installs, most of them built with Go.

mod deploy;
mod first_minutes;
mod grpcurl;
mod h2spec;
mod one_command;
