//! TensorBoard event files: scalars only.
//!
//! A file is a sequence of records (length, masked CRC-32C, payload, masked CRC-32C), each payload an `Event` message in
//! protocol-buffer encoding.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::TrainError;

/// Appends scalar events to `events.out.tfevents.easel` in a folder.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Starts the event file of `folder` anew.
    pub fn create(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join("events.out.tfevents.easel");
        let file = File::create(&path).map_err(TrainError::io("write", &path))?;
        let mut writer = Self { file, path };
        let mut event = double(1, 0.0);
        event.extend(bytes(3, b"brain.Event:2"));
        writer.record(&event)?;
        Ok(writer)
    }

    /// Writes every number of `line` except `step` and `seconds` as a scalar of that step; the wall time is `seconds`.
    pub fn scalars(&mut self, line: &Map<String, Value>) -> Result<(), TrainError> {
        let step = line.get("step").and_then(Value::as_u64).unwrap_or(0);
        let seconds = line.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
        let mut summary = Vec::new();
        for (tag, value) in line.iter().filter(|(k, _)| !matches!(k.as_str(), "step" | "seconds")) {
            if let Some(value) = value.as_f64() {
                let mut entry = bytes(1, tag.as_bytes());
                entry.push(2 << 3 | 5);
                entry.extend((value as f32).to_le_bytes());
                summary.extend(bytes(1, &entry));
            }
        }
        let mut event = double(1, seconds);
        event.push(2 << 3);
        event.extend(varint(step));
        event.extend(bytes(5, &summary));
        self.record(&event)
    }

    fn record(&mut self, payload: &[u8]) -> Result<(), TrainError> {
        let length = (payload.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc(&length).to_le_bytes());
        record.extend(payload);
        record.extend(masked_crc(payload).to_le_bytes());
        self.file.write_all(&record).map_err(TrainError::io("write", &self.path))
    }
}

/// Reads the scalars of an event file back: (step, tag, value).
pub fn read_scalars(path: &Path) -> Result<Vec<(u64, String, f32)>, TrainError> {
    let damaged = |problem: &str| TrainError::Damaged { path: path.to_path_buf(), problem: problem.into() };
    let short = || damaged("a record is cut short");
    let all = fs::read(path).map_err(TrainError::io("read", path))?;
    let (mut rest, mut found) = (all.as_slice(), Vec::new());
    while !rest.is_empty() {
        let length = take(&mut rest, 8).ok_or_else(short)?;
        if take(&mut rest, 4).ok_or_else(short)? != masked_crc(length).to_le_bytes() {
            return Err(damaged("a checksum does not fit"));
        }
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let payload = take(&mut rest, length).ok_or_else(short)?;
        if take(&mut rest, 4).ok_or_else(short)? != masked_crc(payload).to_le_bytes() {
            return Err(damaged("a checksum does not fit"));
        }
        let fields = fields(payload);
        let step = fields.iter().find(|f| f.0 == 2).map_or(0, |f| f.1);
        for (_, _, summary) in fields.iter().filter(|f| f.0 == 5) {
            for (_, _, value) in self::fields(summary) {
                let entry = self::fields(value);
                let tag = entry.iter().find(|f| f.0 == 1).map(|f| String::from_utf8_lossy(f.2).into_owned());
                let scalar = entry.iter().find(|f| f.0 == 2).map(|f| f32::from_bits(f.1 as u32));
                if let (Some(tag), Some(scalar)) = (tag, scalar) {
                    found.push((step, tag, scalar));
                }
            }
        }
    }
    Ok(found)
}

/// The first `n` bytes, which are taken away.
fn take<'a>(from: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let (head, tail) = from.split_at_checked(usize::try_from(n).ok()?)?;
    *from = tail;
    Some(head)
}

/// (field number, numeric value, bytes) of the fields of a message.
fn fields(mut message: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut found = Vec::new();
    while let Some(key) = take_varint(&mut message) {
        let field = match key & 7 {
            0 => take_varint(&mut message).map(|v| (v, &[][..])),
            1 => take(&mut message, 8).map(|h| (u64::from_le_bytes(h.try_into().expect("eight bytes")), &[][..])),
            5 => take(&mut message, 4)
                .map(|h| (u64::from(u32::from_le_bytes(h.try_into().expect("four bytes"))), &[][..])),
            _ => take_varint(&mut message).and_then(|n| take(&mut message, n)).map(|h| (0, h)),
        };
        match field {
            Some((number, bytes)) => found.push((key >> 3, number, bytes)),
            None => break,
        }
    }
    found
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let end = message.iter().position(|b| b & 0x80 == 0)?;
    let value = message[..=end].iter().rev().fold(0, |v, b| v << 7 | u64::from(b & 0x7f));
    *message = &message[end + 1..];
    Some(value)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

fn double(field: u8, value: f64) -> Vec<u8> {
    let mut out = vec![field << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}
