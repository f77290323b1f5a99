//! Storage for items by index; freed indexes are reused.

#[derive(Debug)]
pub(super) struct Slab<T> {
    things: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { things: Vec::new(), free: Vec::new() }
    }

    /// Stores an item and returns its index.
    pub(super) fn insert(&mut self, thing: T) -> usize {
        if let Some(number) = self.free.pop()
            && let Some(place) = self.things.get_mut(number)
        {
            *place = Some(thing);
            return number;
        }
        self.things.push(Some(thing));
        self.things.len() - 1
    }

    pub(super) fn remove(&mut self, number: usize) -> Option<T> {
        let thing = self.things.get_mut(number)?.take()?;
        self.free.push(number);
        Some(thing)
    }

    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.things.get(number)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.things.get_mut(number)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let things = self.things.iter().enumerate();
        things.filter_map(|(number, thing)| Some((number, thing.as_ref()?)))
    }

    pub(super) const fn len(&self) -> usize {
        self.things.len() - self.free.len()
    }

    #[cfg(test)]
    pub(super) const fn room(&self) -> usize {
        self.things.len()
    }
}
