//! Image of a disk: bytes, cheap to copy because pages are shared until they are written.

use std::io;
use std::sync::Arc;

const PAGE: usize = 4096;

/// Content of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pages: Vec<Arc<[u8; PAGE]>>,
    len: usize,
}

impl Image {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn read(&self, at: usize, out: &mut [u8]) -> io::Result<()> {
        if at + out.len() > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut done = 0;
        while done < out.len() {
            let (page, from) = ((at + done) / PAGE, (at + done) % PAGE);
            let count = (PAGE - from).min(out.len() - done);
            out[done..done + count]
                .copy_from_slice(&self.pages[page][from..from + count]);
            done += count;
        }
        Ok(())
    }

    /// Writes the part that lies within the file.
    pub(super) fn write(&mut self, at: usize, data: &[u8]) {
        let fits = data.len().min(self.len.saturating_sub(at));
        let mut done = 0;
        while done < fits {
            let (page, from) = ((at + done) / PAGE, (at + done) % PAGE);
            let count = (PAGE - from).min(fits - done);
            let page = Arc::make_mut(&mut self.pages[page]);
            page[from..from + count].copy_from_slice(&data[done..done + count]);
            done += count;
        }
    }

    /// Truncates the file, or extends it with zeros.
    pub(super) fn set_len(&mut self, len: usize) {
        self.pages.resize_with(len.div_ceil(PAGE), || Arc::new([0; PAGE]));
        if let Some(last) = self.pages.last_mut().filter(|_| len < self.len) {
            Arc::make_mut(last)[(len - 1) % PAGE + 1..].fill(0);
        }
        self.len = len;
    }

    /// Returns all bytes, to be saved for the analysis of a failure.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.read(0, &mut bytes).unwrap();
        bytes
    }
}
