//! Reading plain HDF5 files: what Keras writes for weights.
//!
//! The subset of the format (HDF5 File Format Specification 3.0) with a superblock of version 0, groups as symbol tables, and
//! datasets of little-endian f32 in one piece, neither chunked nor compressed. Attributes are skipped. Anything else is refused.

use std::collections::BTreeMap;

/// An array of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its sizes, the slowest first.
    pub shape: Vec<usize>,
    /// Its values in that order.
    pub values: Vec<f32>,
}

/// A file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hdf5Error {
    /// It does not begin as a file of this format does.
    #[error("not an HDF5 file with a superblock of version 0")]
    Start,
    /// It ends too early or points outside of itself.
    #[error("damaged: something should be at byte {0}")]
    Outside(usize),
    /// A part that this reader does not know.
    #[error("{what} at byte {at} is not of the plain kind that is read here")]
    Kind {
        /// The part.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

type Result<T> = std::result::Result<T, Hdf5Error>;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Where the root's entry of a symbol table lies in a superblock of version 0 with offsets and lengths of 8 bytes.
const ROOT_ENTRY: usize = 56;
/// Bytes of an entry of a symbol table.
const ENTRY: usize = 40;
/// Deepest nesting of groups.
const DEEPEST: usize = 32;

// Types of header messages.
const DATASPACE: u64 = 0x1;
const DATATYPE: u64 = 0x3;
const LAYOUT: u64 = 0x8;
const CONTINUATION: u64 = 0x10;
const SYMBOL_TABLE: u64 = 0x11;

/// All arrays of a file by their paths, as `block1/layers/conv2d/vars/0`.
///
/// # Errors
/// A file that is damaged or not of the kind that the module describes.
pub fn arrays(bytes: &[u8]) -> Result<BTreeMap<String, Array>> {
    let file = File(bytes);
    // Signature, four versions, sizes of offsets and lengths.
    let start = file.slice(0, 16).map_err(|_| Hdf5Error::Start)?;
    if !start.starts_with(SIGNATURE) || start[8] != 0 || start[13..15] != [8, 8] {
        return Err(Hdf5Error::Start);
    }
    let mut found = BTreeMap::new();
    file.object(file.offset(ROOT_ENTRY + 8)?, "", DEEPEST, &mut found)?;
    Ok(found)
}

struct File<'a>(&'a [u8]);

/// A message of an object's header.
struct Message {
    kind: u64,
    at: usize,
    length: usize,
}

impl File<'_> {
    fn slice(&self, at: usize, length: usize) -> Result<&[u8]> {
        at.checked_add(length).and_then(|end| self.0.get(at..end)).ok_or(Hdf5Error::Outside(at))
    }

    /// A little-endian number of `length` bytes, at most 8.
    fn number(&self, at: usize, length: usize) -> Result<u64> {
        Ok(self.slice(at, length)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn offset(&self, at: usize) -> Result<usize> {
        usize::try_from(self.number(at, 8)?).map_err(|_| Hdf5Error::Outside(at))
    }

    fn expect(&self, at: usize, signature: &[u8], what: &'static str) -> Result<()> {
        if self.slice(at, signature.len())? == signature { Ok(()) } else { Err(Hdf5Error::Kind { what, at }) }
    }

    /// The messages of a header of version 1, with those of its continuations.
    fn messages(&self, at: usize) -> Result<Vec<Message>> {
        self.expect(at, &[1], "a header")?;
        let mut blocks = vec![(at + 16, self.number(at + 8, 4)? as usize)];
        let (mut all, total) = (Vec::new(), self.number(at + 2, 2)? as usize);
        while let Some((mut at, length)) = blocks.pop() {
            let end = at + self.slice(at, length)?.len();
            while at + 8 <= end && all.len() < total {
                let message =
                    Message { kind: self.number(at, 2)?, length: self.number(at + 2, 2)? as usize, at: at + 8 };
                at += 8 + message.length;
                if message.kind == CONTINUATION {
                    blocks.push((self.offset(message.at)?, self.offset(message.at + 8)?));
                }
                all.push(message);
            }
        }
        Ok(all)
    }

    /// Adds the array whose header is here, or all below the group.
    fn object(&self, at: usize, path: &str, depth: usize, found: &mut BTreeMap<String, Array>) -> Result<()> {
        let messages = self.messages(at)?;
        let message = |kind: u64| messages.iter().find(|m| m.kind == kind);
        if let Some(table) = message(SYMBOL_TABLE) {
            if depth == 0 {
                return Err(Hdf5Error::Kind { what: "a group inside of itself", at });
            }
            let (tree, heap) = (self.offset(table.at)?, self.offset(table.at + 8)?);
            self.expect(heap, b"HEAP", "a heap of names")?;
            let names = self.offset(heap + 24)?;
            return self.tree(tree, names, path, depth - 1, found);
        }
        let (Some(space), Some(kind), Some(layout)) = (message(DATASPACE), message(DATATYPE), message(LAYOUT)) else {
            return Err(Hdf5Error::Kind { what: "an object", at });
        };
        let shape = self.shape(space)?;
        // Version 1, class floating point; little-endian, sign in bit 31; 4 bytes.
        self.expect(kind.at, &[0x11], "a datatype")?;
        let little_endian = self.number(kind.at + 1, 1)? & 1 == 0;
        if !little_endian || self.number(kind.at + 4, 4)? != 4 {
            return Err(Hdf5Error::Kind { what: "a datatype", at: kind.at });
        }
        // Version 3, contiguous.
        self.expect(layout.at, &[3, 1], "a layout")?;
        let (start, length) = (self.offset(layout.at + 2)?, self.offset(layout.at + 10)?);
        let elements = shape.iter().try_fold(4usize, |n, &size| n.checked_mul(size));
        if elements != Some(length) {
            return Err(Hdf5Error::Kind { what: "a layout", at: layout.at });
        }
        let values = self.slice(start, length)?.chunks_exact(4);
        let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        found.insert(path.to_owned(), Array { shape, values });
        Ok(())
    }

    fn shape(&self, space: &Message) -> Result<Vec<usize>> {
        let (version, dimensions) = (self.number(space.at, 1)?, self.number(space.at + 1, 1)? as usize);
        let first = match version {
            1 => space.at + 8,
            2 => space.at + 4,
            _ => return Err(Hdf5Error::Kind { what: "a dataspace", at: space.at }),
        };
        (0..dimensions).map(|i| self.offset(first + 8 * i)).collect()
    }

    /// All objects below a node of a group's tree, whose names begin at `names`.
    fn tree(
        &self,
        at: usize,
        names: usize,
        path: &str,
        depth: usize,
        found: &mut BTreeMap<String, Array>,
    ) -> Result<()> {
        self.expect(at, b"TREE\0", "a tree")?;
        if depth == 0 {
            return Err(Hdf5Error::Kind { what: "a tree inside of itself", at });
        }
        let (level, children) = (self.number(at + 5, 1)?, self.number(at + 6, 2)? as usize);
        for k in 0..children {
            // After 24 bytes of heading: key, child, key, child, ...
            let child = self.offset(at + 24 + 8 + 16 * k)?;
            if level > 0 {
                self.tree(child, names, path, depth - 1, found)?;
                continue;
            }
            self.expect(child, b"SNOD", "a table of symbols")?;
            for entry in 0..self.number(child + 6, 2)? as usize {
                let entry = child + 8 + ENTRY * entry;
                let name = self.name(names.saturating_add(self.offset(entry)?))?;
                let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                self.object(self.offset(entry + 8)?, &path, depth, found)?;
            }
        }
        Ok(())
    }

    fn name(&self, at: usize) -> Result<String> {
        let rest = self.0.get(at..).ok_or(Hdf5Error::Outside(at))?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or(Hdf5Error::Outside(at))?;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}
