//! Multiply-adds of the network, counted layer by layer.

use crate::config::DdpmConfig;

/// A map of `side` x `side` positions on its way through the network.
struct Counter {
    total: i64,
    side: i64,
    time_width: i64,
}

impl Counter {
    fn conv(&mut self, inputs: i64, outputs: i64, kernel: i64) {
        self.total += inputs * outputs * kernel * kernel * self.side * self.side;
    }

    fn linear(&mut self, inputs: i64, outputs: i64) {
        self.total += inputs * outputs;
    }

    fn resnet(&mut self, inputs: i64, outputs: i64) {
        self.conv(inputs, outputs, 3);
        self.linear(self.time_width, outputs);
        self.conv(outputs, outputs, 3);
        if inputs != outputs {
            self.conv(inputs, outputs, 1);
        }
    }

    /// Projections, and the two products of queries with keys and of weights with values.
    fn attention(&mut self, channels: i64) {
        let positions = self.side * self.side;
        self.total += positions * (4 * channels * channels) + 2 * positions * positions * channels;
    }
}

impl DdpmConfig {
    /// Multiply-adds of one forward pass for one picture: convolutions, linear maps and attention.
    pub fn multiply_adds(&self) -> i64 {
        let (u, inner) = (&self.unet, self.channels * self.patch * self.patch);
        let first = u.levels[0];
        let mut n = Counter { total: 0, side: self.side / self.patch, time_width: 4 * first };
        n.linear(first, n.time_width);
        n.linear(n.time_width, n.time_width);
        n.conv(inner, first, 3);
        let (mut channels, mut skips) = (first, vec![first]);
        for (i, (&level, &attention)) in u.levels.iter().zip(&u.attention).enumerate() {
            for _ in 0..u.blocks {
                n.resnet(channels, level);
                channels = level;
                if attention {
                    n.attention(level);
                }
                skips.push(level);
            }
            if i + 1 < u.levels.len() {
                n.side /= 2;
                n.conv(level, level, 3);
                skips.push(level);
            }
        }
        n.resnet(channels, channels);
        n.attention(channels);
        n.resnet(channels, channels);
        for (i, (&level, &attention)) in u.levels.iter().zip(&u.attention).enumerate().rev() {
            for _ in 0..=u.blocks {
                n.resnet(channels + skips.pop().unwrap_or(0), level);
                channels = level;
                if attention {
                    n.attention(level);
                }
            }
            if i > 0 {
                n.side *= 2;
                n.conv(level, level, 3);
            }
        }
        let out = self.unet2d().out_channels;
        n.conv(channels, out, 3);
        n.total
    }
}
