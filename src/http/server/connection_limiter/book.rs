//! Allocation of places to connections, and selection of those to evict.

use std::collections::HashMap;

use super::slab::Slab;
use crate::domain::network::Block;

/// Weight of one connection in a block of one network; divided by [`Block::networks`] in a wider block.
const ONE: usize = 4;

/// Maximum places of one network when places run short, as a multiple of the free places.
const OF_THE_REST: usize = 2;

/// Places and their owners, by address block.
///
/// A block holds at most its share of places for each network that it counts as, or twice the free places if that is
/// less. Above that limit, a newcomer replaces the owner in the block that has waited longest. When no place is free,
/// the blocks that hold the most make room, starting with the owner that has waited longest. An owner that is being
/// served keeps its place.
#[derive(Debug)]
pub(super) struct Book<T> {
    places: usize,
    share: usize,
    seats: Slab<Seat<T>>,
    tallies: Slab<Tally>,
    by_block: HashMap<Block, usize>,
    /// Number of the last event; numbers order events in time.
    next: u64,
}

#[derive(Debug)]
struct Seat<T> {
    number: u64,
    /// Indexes of the tallies of its blocks.
    tallies: Vec<usize>,
    /// Number of the event since which it has waited for a request.
    waiting: Option<u64>,
    owner: T,
}

/// Weight, and the tally that has it, if any.
type Weight = (usize, Option<usize>);

/// Number of places that a block holds.
#[derive(Debug)]
struct Tally {
    block: Block,
    count: usize,
}

impl Tally {
    fn weight(&self, more: usize) -> usize {
        (self.count + more) * (ONE / self.block.networks())
    }
}

/// Handle of an occupied seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    seat: usize,
    number: u64,
}

/// Outcome for a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<T> {
    /// Admitted; these owners have lost their places.
    In(Key, Vec<T>),
    /// Refused, since its network is at its limit; these owners have lost their places.
    Refused(Vec<T>),
    /// Not admitted yet: no place is free, and other networks hold more than its own.
    Full,
}

impl<T> Book<T> {
    /// Creates a book of `places`. `share` is the limit of a network while enough places are free.
    pub(super) fn new(places: usize, share: usize) -> Self {
        Self {
            places,
            share,
            seats: Slab::new(),
            tallies: Slab::new(),
            by_block: HashMap::new(),
            next: 0,
        }
    }

    pub(super) const fn taken(&self) -> usize {
        self.seats.len()
    }

    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// Counts the places whose owners wait for a request.
    pub(super) fn idle(&self) -> usize {
        self.waiting().count()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.taken() >= self.places
    }

    /// Finds a place for a newcomer, which then waits for a request. Without blocks it counts as alone in its network.
    pub(super) fn enter(&mut self, blocks: &[Block], owner: T) -> Entry<T> {
        let mut closed = Vec::new();
        for block in blocks {
            // An eviction from a narrower block also makes room in a wider one, unless its share has shrunk since.
            while let Some(tally) = self.over_its_share(*block) {
                let Some(first) = self.heaviest_in(tally) else {
                    return Entry::Refused(closed);
                };
                closed.extend(self.take_away(first));
            }
        }
        if self.is_full() {
            let own = self.heaviest_of(blocks);
            let Some(seat) = self.heaviest_waiting(own) else {
                return if self.seats.iter().any(|(_, seat)| self.weight(seat) >= own.0) {
                    Entry::Full
                } else {
                    Entry::Refused(closed)
                };
            };
            closed.extend(self.take_away(seat));
        }
        Entry::In(self.sit(blocks, owner), closed)
    }

    /// Marks a place as serving a request. Returns false if the place is lost.
    pub(super) fn is_served(&mut self, key: Key) -> bool {
        self.seat(key).map(|seat| seat.waiting = None).is_some()
    }

    /// Marks a place as waiting for a request.
    pub(super) fn waits(&mut self, key: Key) {
        let now = self.now();
        if let Some(seat) = self.seat(key)
            && seat.waiting.is_none()
        {
            seat.waiting = Some(now);
        }
    }

    /// Releases a place, unless it is lost already.
    pub(super) fn leave(&mut self, key: Key) {
        if self.seat(key).is_some() {
            drop(self.take_away(key.seat));
        }
    }

    /// Returns the block with the highest weight, and its number of places.
    pub(super) fn busiest(&self) -> Option<(Block, usize)> {
        let tallies = self.tallies.iter().map(|(_, tally)| tally);
        tallies
            .max_by_key(|it| (it.weight(0), it.block.networks()))
            .map(|it| (it.block, it.count))
    }

    fn now(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn seat(&mut self, key: Key) -> Option<&mut Seat<T>> {
        let seat = self.seats.get_mut(key.seat)?;
        (seat.number == key.number).then_some(seat)
    }

    fn sit(&mut self, blocks: &[Block], owner: T) -> Key {
        let now = self.now();
        let tallies: Vec<_> = blocks.iter().map(|block| self.count(*block)).collect();
        let seat = Seat { number: now, tallies, waiting: Some(now), owner };
        Key { seat: self.seats.insert(seat), number: now }
    }

    fn count(&mut self, block: Block) -> usize {
        if let Some(index) = self.by_block.get(&block).copied()
            && let Some(tally) = self.tallies.get_mut(index)
        {
            tally.count += 1;
            return index;
        }
        let index = self.tallies.insert(Tally { block, count: 1 });
        self.by_block.insert(block, index);
        index
    }

    /// Removes a seat and returns its owner.
    fn take_away(&mut self, index: usize) -> Option<T> {
        let seat = self.seats.remove(index)?;
        for index in seat.tallies {
            let Some(tally) = self.tallies.get_mut(index) else { continue };
            tally.count -= 1;
            if tally.count == 0 {
                self.by_block.remove(&tally.block);
                self.tallies.remove(index);
            }
        }
        Some(seat.owner)
    }

    /// Returns the tally of a block that is at its limit.
    fn over_its_share(&self, block: Block) -> Option<usize> {
        let left = self.places.saturating_sub(self.taken());
        // When no place is free, the heaviest block makes room.
        let most =
            if left == 0 { self.share } else { self.share.min(OF_THE_REST * left) };
        let index = *self.by_block.get(&block)?;
        (self.tallies.get(index)?.count >= most * block.networks()).then_some(index)
    }

    /// Returns the waiting seat of a block whose network holds the most; among equals, the one that has waited longest.
    fn heaviest_in(&self, tally: usize) -> Option<usize> {
        let seats = self.waiting().filter(|(_, _, seat)| seat.tallies.contains(&tally));
        seats
            .map(|(index, since, seat)| {
                (self.narrow_weight(seat), u64::MAX - since, index)
            })
            .max()
            .map(|(_, _, index)| index)
    }

    /// Returns the waiting seat that makes room first: the heaviest, then as in `heaviest_in`.
    fn heaviest_waiting(&self, newcomer: Weight) -> Option<usize> {
        let seats = self.waiting().filter(|(_, _, seat)| self.makes_room(seat, newcomer));
        seats
            .map(|(index, since, seat)| {
                let weight = self.weight(seat);
                (weight, self.narrow_weight(seat), u64::MAX - since, index)
            })
            .max()
            .map(|(_, _, _, index)| index)
    }

    /// Whether a seat can make room: its blocks weigh at least as much as those of the newcomer would, or share the
    /// newcomer's heaviest block.
    fn makes_room(&self, seat: &Seat<T>, newcomer: Weight) -> bool {
        let (weight, heaviest) = newcomer;
        self.weight(seat) >= weight
            || heaviest.is_some_and(|it| seat.tallies.contains(&it))
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, u64, &Seat<T>)> {
        let seats = self.seats.iter();
        seats.filter_map(|(index, seat)| Some((index, seat.waiting?, seat)))
    }

    fn tally_weight(&self, index: usize, more: usize) -> usize {
        self.tallies.get(index).map_or(0, |tally| tally.weight(more))
    }

    fn weight(&self, seat: &Seat<T>) -> usize {
        let weights = seat.tallies.iter().map(|index| self.tally_weight(*index, 0));
        weights.max().unwrap_or(ONE)
    }

    fn narrow_weight(&self, seat: &Seat<T>) -> usize {
        seat.tallies.first().map_or(ONE, |index| self.tally_weight(*index, 0))
    }

    /// Returns the weight of the heaviest of these blocks with one more place.
    fn heaviest_of(&self, blocks: &[Block]) -> Weight {
        let known = blocks.iter().filter_map(|block| self.by_block.get(block).copied());
        let heaviest = known.max_by_key(|index| self.tally_weight(*index, 1));
        let weight = heaviest.map_or(ONE, |index| self.tally_weight(index, 1));
        (weight.max(ONE), heaviest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters a connection that must get a place.
    fn sit(book: &mut Book<u32>, address: &str, owner: u32) -> (Key, Vec<u32>) {
        match book.enter(&Block::around(address.parse().unwrap()), owner) {
            Entry::In(key, closed) => (key, closed),
            other => panic!("{owner} of {address}: {other:?}"),
        }
    }

    fn refused(book: &mut Book<u32>, address: &str) -> Entry<u32> {
        let entry = book.enter(&Block::around(address.parse().unwrap()), 0);
        assert!(!matches!(entry, Entry::In(..)), "{entry:?}");
        entry
    }

    #[test]
    fn whoever_has_waited_longest_in_the_busiest_network_makes_room() {
        let mut book = Book::new(6, 6);
        let (first, _) = sit(&mut book, "198.51.100.1", 1);
        for owner in 2..6 {
            let (key, closed) = sit(&mut book, "192.0.2.1", owner);
            assert!(closed.is_empty());
            if owner == 2 {
                assert!(book.is_served(key));
            }
        }
        sit(&mut book, "203.0.113.1", 6);
        assert!(book.is_full());

        // Keeps the first, which is alone in its network, and the second, which is being served.
        assert_eq!(sit(&mut book, "203.0.113.2", 7).1, [3]);
        assert_eq!(sit(&mut book, "203.0.114.3", 8).1, [4]);
        assert!(book.is_served(first));
    }

    #[test]
    fn a_wait_begins_again_after_each_request() {
        let mut book = Book::new(3, 3);
        let (first, _) = sit(&mut book, "192.0.2.1", 1);
        sit(&mut book, "198.51.100.2", 2);
        sit(&mut book, "203.0.113.3", 3);
        assert!(book.is_served(first));
        book.waits(first);
        book.waits(first);

        assert_eq!(sit(&mut book, "10.0.0.1", 4).1, [2]);
        assert_eq!(sit(&mut book, "10.1.0.1", 5).1, [3]);
        assert_eq!(sit(&mut book, "10.2.0.1", 6).1, [1]);
        assert!(!book.is_served(first));
    }

    /// The server closes the connections that it is told of: one that lost its place without notice would stay open and
    /// uncounted.
    #[test]
    fn a_place_that_is_lost_to_a_newcomer_who_is_refused_is_told_of() {
        let mut book = Book::new(10, 10);
        for owner in 1..6 {
            let (key, _) = sit(&mut book, "192.0.2.1", owner);
            assert!(book.is_served(key));
        }
        sit(&mut book, "192.0.2.1", 6);
        for other in 7..10 {
            let (key, _) = sit(&mut book, &format!("198.51.{other}.1"), other);
            assert!(book.is_served(key));
        }
        let before = book.taken();

        let Entry::Refused(closed) = refused(&mut book, "192.0.2.1") else { panic!() };

        assert_eq!((closed, book.taken()), (vec![6], before - 1));
    }

    #[test]
    fn nobody_who_is_served_makes_room() {
        let mut book = Book::new(2, 2);
        let (first, _) = sit(&mut book, "192.0.2.1", 1);
        let (second, _) = sit(&mut book, "198.51.100.2", 2);
        assert!(book.is_served(first) && book.is_served(second));

        assert_eq!(refused(&mut book, "203.0.113.3"), Entry::Full);
        // Its network would hold more than any other.
        assert_eq!(refused(&mut book, "192.0.2.1"), Entry::Refused(vec![]));
        book.waits(second);
        assert_eq!(sit(&mut book, "203.0.113.3", 3).1, [2]);
    }

    #[test]
    fn a_network_over_its_share_takes_a_place_of_its_own_or_none() {
        let mut book = Book::new(100, 3);
        let keys: Vec<_> =
            (1..4).map(|owner| sit(&mut book, "192.0.2.1", owner).0).collect();

        assert_eq!(sit(&mut book, "192.0.2.1", 4).1, [1]);
        assert!(keys[1..].iter().all(|key| book.is_served(*key)));
        let (last, closed) = sit(&mut book, "192.0.2.1", 5);
        assert_eq!(closed, [4]);
        assert!(book.is_served(last));
        assert_eq!(refused(&mut book, "192.0.2.1"), Entry::Refused(vec![]));
        sit(&mut book, "192.0.2.2", 6);
        book.leave(keys[1]);
        sit(&mut book, "192.0.2.1", 7);
    }

    #[test]
    fn wider_blocks_have_shares_too() {
        for (near, wide, share) in [
            ("2001:db8:0:1200::X", "2001:db8:0:12XX::1", 2),
            ("2001:db8:0:1200::X", "2001:db8:0:XX00::1", 4),
            ("192.0.2.1", "192.0.2.XX", 4),
        ] {
            let at = |text: &str, number: usize| {
                text.replace('X', &format!("{}", number % 10))
            };
            let mut book = Book::new(1000, 3);
            let mut count = 0;
            let mut enter = |address: &str| match book
                .enter(&Block::around(address.parse().unwrap()), 0)
            {
                Entry::In(key, _) => book.is_served(key),
                _ => false,
            };
            while enter(&at(near, count)) {
                count += 1;
            }
            assert_eq!(count, 3, "{near}");
            for number in 1..10 {
                count += usize::from(enter(&at(wide, number)));
                count += usize::from(enter(&at(wide, number)));
            }
            assert_eq!(count, 3 * share, "{wide}");
        }
    }

    #[test]
    fn shares_shrink_so_that_there_are_always_places_for_others() {
        let mut book = Book::new(1000, 128);
        let mut held = 0;
        for network in 0..9 {
            let blocks = Block::around([10, network, 0, 1].into());
            while let Entry::In(key, closed) = book.enter(&blocks, 0) {
                assert!(closed.is_empty() && book.is_served(key));
                held += 1;
            }
        }
        assert!((900..1000).contains(&held), "{held}");
        sit(&mut book, "192.0.2.1", 0);
    }

    #[test]
    fn each_connection_of_a_proxy_counts_as_alone() {
        let mut book = Book::new(4, 2);
        for owner in 1..5 {
            assert!(
                matches!(book.enter(&[], owner), Entry::In(_, closed) if closed.is_empty())
            );
        }
        assert_eq!(sit(&mut book, "192.0.2.1", 5).1, [1]);
        assert!(matches!(book.enter(&[], 6), Entry::In(_, closed) if closed == [2]));
        assert_eq!(sit(&mut book, "192.0.2.1", 7).1, [5]);
        assert_eq!(book.busiest().unwrap().1, 1);
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let mut book = Book::new(10, 10);
        for round in 0..100 {
            let (key, closed) = sit(&mut book, &format!("10.{round}.0.1"), round);
            assert!(closed.is_empty());
            book.leave(key);
            book.leave(key);
            book.waits(key);
            assert!(!book.is_served(key));
        }
        assert_eq!((book.taken(), book.seats.room(), book.tallies.room()), (0, 1, 2));
        assert!(book.by_block.is_empty() && book.busiest().is_none());
    }
}
