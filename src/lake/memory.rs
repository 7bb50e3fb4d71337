//! How the operators of a query share the memory of a session.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};

/// Like [`FairSpillPool`], but an operator that can spill does so only once half of the memory is taken: a plan has
/// dozens of such operators, hardly two of which are large at a time, and an even share would have the large one write its rows to disk
/// while nearly all of the memory is free.
#[derive(Debug)]
pub(super) struct RoomyPool {
    fair: FairSpillPool,
    size: usize,
    growing: Mutex<()>,
}

impl RoomyPool {
    /// A pool of so many bytes.
    pub(super) fn new(size: usize) -> Self {
        Self { fair: FairSpillPool::new(size), size, growing: Mutex::default() }
    }
}

impl fmt::Display for RoomyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "roomy({} of {})", human_readable_size(self.reserved()), human_readable_size(self.size))
    }
}

impl MemoryPool for RoomyPool {
    fn name(&self) -> &str {
        "roomy"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.fair.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.fair.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.fair.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.fair.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let _one_at_a_time = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if reservation.consumer().can_spill() && self.reserved().saturating_add(additional) <= self.size / 2 {
            self.fair.grow(reservation, additional);
            return Ok(());
        }
        self.fair.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.fair.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.fair.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn half_belongs_to_whoever_needs_it_and_the_rest_is_shared() {
        let pool: Arc<dyn MemoryPool> = Arc::new(RoomyPool::new(1_000));
        let spilling = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (large, small, other) = (spilling("large"), spilling("small"), spilling("other"));
        // An even share is 333.
        large.try_grow(500).unwrap();
        large.try_grow(1).unwrap_err();
        small.try_grow(333).unwrap();
        small.try_grow(1).unwrap_err();
        other.try_grow(100).unwrap();
        assert_eq!(pool.reserved(), 933);
        let join = MemoryConsumer::new("join").register(&pool);
        join.try_grow(67).unwrap();
        join.try_grow(1).unwrap_err();
        large.free();
        join.try_grow(500).unwrap();
        assert_eq!(pool.reserved(), 1_000);
    }
}
