//! Work that many ask for at once, done once.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::codec::Codec;

/// What two callers must agree in to share one result: the key, the form, and the types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Route {
    key: String,
    codec: Codec,
    types: TypeId,
}

struct Flight {
    cell: Arc<dyn Any + Send + Sync>,
    seats: usize,
}

/// The work that is being done.
#[derive(Default)]
pub(super) struct Flights {
    flights: Mutex<HashMap<Route, Flight>>,
}

impl Flights {
    /// A seat in the flight of a key, that of the first caller or a new one. `T` tells apart
    /// callers that want other types than `V` shows.
    pub(super) fn board<T: 'static, V: Send + Sync + 'static>(&self, key: &str, codec: Codec) -> Seat<'_, V> {
        let route = Route { key: key.to_owned(), codec, types: TypeId::of::<(T, V)>() };
        let fresh = Arc::new(OnceCell::new());
        let cell = match self.lock().entry(route.clone()) {
            Entry::Occupied(mut taken) => match Arc::downcast(Arc::clone(&taken.get().cell)) {
                Ok(cell) => {
                    taken.get_mut().seats += 1;
                    cell
                }
                // Cannot be while the route holds the types; then this caller flies alone.
                Err(_) => fresh,
            },
            Entry::Vacant(free) => {
                let cell: Arc<dyn Any + Send + Sync> = Arc::clone(&fresh) as _;
                free.insert(Flight { cell, seats: 1 });
                fresh
            }
        };
        Seat { flights: self, route, cell }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Route, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's part in a flight.
pub(super) struct Seat<'a, V> {
    flights: &'a Flights,
    route: Route,
    /// Where the result appears. The first to ask makes it; if that caller is dropped, the next
    /// does.
    pub(super) cell: Arc<OnceCell<V>>,
}

impl<V> Drop for Seat<'_, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if let Entry::Occupied(mut taken) = flights.entry(self.route.clone())
            && ptr::addr_eq(Arc::as_ptr(&taken.get().cell), Arc::as_ptr(&self.cell))
        {
            taken.get_mut().seats -= 1;
            // Whoever comes after the result is there asks anew.
            if taken.get().seats == 0 || self.cell.initialized() {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_behind() {
        let flights = Flights::default();
        let first = flights.board::<u8, u8>("k", Codec::Json);
        let second = flights.board::<u8, u8>("k", Codec::Json);
        assert!(Arc::ptr_eq(&first.cell, &second.cell));
        let other_type = flights.board::<i8, u8>("k", Codec::Json);
        let other_form = flights.board::<u8, u8>("k", Codec::Binary);
        assert!(!Arc::ptr_eq(&first.cell, &other_type.cell) && !Arc::ptr_eq(&first.cell, &other_form.cell));
        drop(first);
        assert_eq!(flights.lock().len(), 3, "the second still waits");
        second.cell.set(1).unwrap();
        let late = flights.board::<u8, u8>("k", Codec::Json);
        assert!(Arc::ptr_eq(&second.cell, &late.cell));
        drop(late);
        let after = flights.board::<u8, u8>("k", Codec::Json);
        assert!(!Arc::ptr_eq(&second.cell, &after.cell));
        drop(second);
        assert_eq!(flights.lock().len(), 3, "the end of one flight leaves the next alone");
        drop((after, other_type, other_form));
        assert!(flights.lock().is_empty());
    }
}
