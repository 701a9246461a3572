//! When a customer is removed at Plain, the desk keeps nothing of theirs.
//!
//! The bus remembers what was removed, because all instances share it; the desk asks before it answers. What is being
//! read from Plain while the removal comes ends up in a place that nobody looks into any more.

use super::Desk;
use crate::{
    domain::{
        error::DeskError,
        ids::{CustomerId, ThreadId},
    },
    server::bus::BusError,
};
use std::collections::HashSet;

impl Desk {
    /// Forgets a customer that the bus [forgot](crate::server::bus::EventBus::forget), with the threads that the bus
    /// knew of and those that only the desk knows of: kept pages, whose they are, and what was sent under which key.
    pub async fn forget(
        &self,
        customer: &CustomerId,
        threads: &[ThreadId],
    ) -> Result<(), BusError> {
        let mut all: HashSet<ThreadId> = threads.iter().cloned().collect();
        let known = self.0.customers.iter().filter(|(_, owner)| owner == customer.as_str());
        all.extend(known.map(|(thread, _)| ThreadId::clone(&thread)));
        for thread in &all {
            // Of a removed customer, so this removes the thread too.
            self.0.bus.belongs(thread, customer).await?;
            self.0.slots.invalidate(thread).await;
            self.0.customers.invalidate(thread).await;
            self.0.channels.invalidate(thread).await;
            let forgotten = self.0.memory.forget(thread).await;
            forgotten.map_err(|error| BusError(error.to_string()))?;
        }
        Ok(())
    }

    /// Fails for a thread that was removed.
    pub(super) async fn present(&self, thread: &ThreadId) -> Result<(), DeskError> {
        if self.is_removed(thread).await { Err(DeskError::removed()) } else { Ok(()) }
    }

    /// A bus that cannot be asked stops nobody: Plain does not have the thread either.
    pub(super) async fn is_removed(&self, thread: &ThreadId) -> bool {
        self.0.bus.removed(thread).await.unwrap_or_else(|error| {
            tracing::warn!(%thread, %error, "cannot ask the bus whether a thread was removed");
            false
        })
    }

    /// Notes whom a thread belongs to. Fails if that customer was removed.
    pub(super) async fn learn(&self, thread: &ThreadId, customer: &str) -> Result<(), DeskError> {
        if let Ok(id) = CustomerId::parse(customer) {
            match self.0.bus.belongs(thread, &id).await {
                Ok(true) => {}
                Ok(false) => return Err(DeskError::removed()),
                Err(error) => {
                    tracing::warn!(%thread, %error, "cannot tell the bus whose a thread is")
                }
            }
        }
        self.0.customers.insert(thread.clone(), customer.to_owned()).await;
        Ok(())
    }
}
