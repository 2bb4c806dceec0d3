//! The services Rowcall is measured beside, each a process of its own with tonic's server as it is recommended.

mod bare;
mod row;
mod sink;
mod written;

use std::net::SocketAddr;

use clap::Subcommand;
use tonic::transport::Server;
use tonic::transport::server::Router;

#[derive(Debug, Subcommand)]
pub enum Peer {
    /// Answer a constant, to see what the transport costs.
    Bare {
        address: SocketAddr,
        /// The size of a page.
        #[arg(long, default_value_t = 0)]
        page_bytes: usize,
    },
    /// Take what a collector is sent, and keep nothing of it.
    Sink { address: SocketAddr },
    /// Answer from the database, as a good engineer would write it.
    Written {
        address: SocketAddr,
        database: String,
        /// Connections of its pool.
        #[arg(long, default_value_t = written::CONNECTIONS)]
        connections: u32,
    },
}

/// Serves until the process is ended.
pub fn serve(peer: Peer) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match peer {
            Peer::Bare { address, page_bytes } => {
                listen(address, Server::builder().add_service(bare::service(page_bytes))).await
            }
            Peer::Sink { address } => sink::serve(address).await,
            Peer::Written { address, database, connections } => {
                let service = written::service(&database, connections).await?;
                listen(address, Server::builder().add_service(service)).await
            }
        }
    })
}

async fn listen(address: SocketAddr, routes: Router) -> anyhow::Result<()> {
    Ok(routes.serve(address).await?)
}
