use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::chart::axis::Axis;
use crate::chart::backend::{self, Area, failed, logical, style, units};
use crate::chart::layout::{Layout, SWATCH, SWATCH_ROOM, TICK, widest};
use crate::chart::series::{Kind, Series};
use crate::chart::{Chart, Mark};
use crate::error::Result;
use crate::style::{AXIS, BODY_SIZE, Color, GRID, INK, LEADING, MUTED, SMALL_SIZE, WHITE, palette};
use crate::text::{self, Face};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};

const LINE_WIDTH: f64 = 2.5;
const POINT_RADIUS: f64 = 3.6;

impl Chart {
    pub(crate) fn draw_in(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let natural = self.layout(area.w, None)?;
        // Beside a higher panel the chart grows, within reason.
        let grown = if self.equal || self.height.is_some() { None } else { Some(area.h.min(1.35 * natural.size.1)) };
        let mut l = self.layout(area.w, grown)?;
        let origin = ((area.x + (area.w - l.size.0) / 2.0).floor(), area.y.floor());
        l.plot.x += origin.0;
        l.plot.y += origin.1;
        self.draw_legend(canvas, &l, origin);
        self.draw_mesh(canvas, &l)?;
        canvas.clipped(l.plot, |canvas| {
            if let Some(heat) = &self.heat {
                let place = |axis: &Axis, v: f64| axis.fraction(v);
                let (x0, x1) = (place(&l.x, heat.x.start), place(&l.x, heat.x.end));
                let (y0, y1) = (place(&l.y, heat.y.start), place(&l.y, heat.y.end));
                let Rect { x, y, w, h } = l.plot;
                heat.draw(canvas, Rect::new(x + x0 * w, y + (1.0 - y1) * h, (x1 - x0) * w, (y1 - y0) * h))?;
            }
            self.series.iter().enumerate().try_for_each(|(k, s)| self.draw_series(canvas, &l, s, self.color(k)))?;
            Ok(())
        })?;
        self.draw_frame(canvas, &l);
        self.draw_marks(canvas, &l);
        if self.direct {
            self.draw_direct_labels(canvas, &l);
        }
        match &self.heat {
            Some(heat) => heat.draw_bar(canvas, l.plot),
            None => Ok(()),
        }
    }

    fn color(&self, k: usize) -> Color {
        self.series[k].color.unwrap_or_else(|| palette(self.series[..k].iter().filter(|s| s.color.is_none()).count()))
    }

    /// Grid lines at the ticks.
    fn draw_mesh(&self, canvas: &mut Canvas, l: &Layout) -> Result<()> {
        let area = backend::area(canvas, l.plot, &l.x, &l.y, false);
        let draw =
            |points: [(f64, f64); 2]| area.draw(&PathElement::new(points, style(GRID, 1.0, 1.0))).map_err(failed);
        if self.x.names.is_empty() {
            l.x_ticks.iter().try_for_each(|(x, _)| draw([(*x, l.y.low), (*x, l.y.high)]))?;
        }
        l.y_ticks.iter().try_for_each(|(y, _)| draw([(l.x.low, *y), (l.x.high, *y)]))
    }

    /// Axis lines, tick labels and axis labels.
    fn draw_frame(&self, canvas: &mut Canvas, l: &Layout) {
        let Rect { x, y, w, h } = l.plot;
        let line = Stroke::new(AXIS, 1.2);
        if self.heat.is_some() {
            canvas.rect(l.plot, 0.0, None, Some(line));
        } else {
            canvas.line((x, y), (x, y + h), line);
            canvas.line((x, y + h), (x + w, y + h), line);
        }
        let tick = TextStyle::new(SMALL_SIZE).color(MUTED).anchor(Anchor::Middle);
        for (value, lines) in &l.x_ticks {
            canvas.lines_below(x + w * l.x.fraction(*value), y + h + TICK, lines, tick);
        }
        for (value, label) in &l.y_ticks {
            canvas.text_centred(x - TICK, y + h * (1.0 - l.y.fraction(*value)), label, tick.anchor(Anchor::End));
        }
        let name = TextStyle::new(BODY_SIZE).anchor(Anchor::Middle);
        let tick_lines = l.x_ticks.iter().map(|(_, lines)| lines.len()).max().unwrap_or(1) as f64;
        canvas.lines_below(x + w / 2.0, y + h + TICK + SMALL_SIZE * LEADING * tick_lines + 4.0, &l.x_label, name);
        let labels = l.y_ticks.iter().map(|(_, label)| text::width(label, SMALL_SIZE, Face::Sans)).fold(0.0, f64::max);
        canvas.lines_upright(x - TICK - labels - 12.0, y + h / 2.0, &l.y_label, name);
    }

    fn draw_series(&self, canvas: &mut Canvas, l: &Layout, s: &Series, color: Color) -> Result<()> {
        let zero = if l.y.log { l.y.low } else { 0.0 };
        if let (Kind::Arrows(u, v), (px, py)) = (&s.kind, (l.plot.w, l.plot.h)) {
            let ends: Vec<_> = {
                let area = backend::area(canvas, l.plot, &l.x, &l.y, false);
                let at = |x: f64, y: f64| logical(area.map_coordinate(&(x, y)));
                (0..s.x.len()).map(|k| (at(s.x[k], s.y[k]), at(s.x[k] + u[k], s.y[k] + v[k]))).collect()
            };
            ends.iter().for_each(|&(a, b)| draw_arrow(canvas, a, b, color, px.min(py)));
            return Ok(());
        }
        let points: Vec<(f64, f64)> = s.x.iter().copied().zip(s.y.iter().copied()).collect();
        let area = backend::area(canvas, l.plot, &l.x, &l.y, false);
        if let Some((low, high)) = &s.band {
            let ends = |values: &[f64]| s.x.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>();
            let (below, above) = (ends(low), ends(high));
            if matches!(s.kind, Kind::Line) {
                let ring: Vec<_> = below.iter().copied().chain(above.iter().rev().copied()).collect();
                area.draw(&Polygon::new(ring, style(color, 0.18, 0.0))).map_err(failed)?;
            }
        }
        if s.filled {
            let mut ring = points.clone();
            ring.extend([(s.x[s.x.len() - 1], zero), (s.x[0], zero)]);
            area.draw(&Polygon::new(ring, style(color, 0.16, 0.0))).map_err(failed)?;
        }
        if let Kind::Bars(spans) = &s.kind {
            let fill = style(color.mix(WHITE, 0.25), 1.0, 0.0);
            if spans.len() > 1 && spans.windows(2).all(|w| w[0].1 == w[1].0) {
                // Touching bars as one shape: no seams.
                let mut ring = vec![(spans[0].0, zero)];
                ring.extend(spans.iter().zip(&s.y).flat_map(|(&(a, b), &y)| [(a, y), (b, y)]));
                ring.push((spans[spans.len() - 1].1, zero));
                area.draw(&Polygon::new(ring, fill)).map_err(failed)?;
            } else {
                for (&(a, b), &y) in spans.iter().zip(&s.y) {
                    area.draw(&Rectangle::new([(a, zero), (b, y)], fill)).map_err(failed)?;
                }
            }
        }
        drop(area);
        match &s.kind {
            Kind::Line => {
                let area = backend::area(canvas, l.plot, &l.x, &l.y, s.dashed);
                if self.heat.is_some() {
                    // A white rim keeps the line clear of the colours below.
                    area.draw(&PathElement::new(points.clone(), style(WHITE, 1.0, LINE_WIDTH + 2.5)))
                        .map_err(failed)?;
                }
                area.draw(&PathElement::new(points, style(color, 1.0, LINE_WIDTH))).map_err(failed)
            }
            Kind::Points => {
                let area = backend::area(canvas, l.plot, &l.x, &l.y, false);
                draw_whiskers(&area, s, color)?;
                points.into_iter().try_for_each(|p| {
                    area.draw(&Circle::new(p, units(POINT_RADIUS + 1.0), style(WHITE, 1.0, 0.0))).map_err(failed)?;
                    area.draw(&Circle::new(p, units(POINT_RADIUS), style(color, 1.0, 0.0))).map_err(failed)
                })
            }
            _ => draw_whiskers(&backend::area(canvas, l.plot, &l.x, &l.y, false), s, INK),
        }
    }

    fn draw_legend(&self, canvas: &mut Canvas, l: &Layout, origin: (f64, f64)) {
        for entry in &l.legend {
            let (x, y) = (origin.0 + entry.at.0, origin.1 + entry.at.1);
            swatch(canvas, &self.series[entry.series], self.color(entry.series), x, y);
            let top = y - 0.64 * SMALL_SIZE;
            canvas.lines_below(x + SWATCH_ROOM, top, &entry.lines, TextStyle::new(SMALL_SIZE));
        }
    }

    fn draw_marks(&self, canvas: &mut Canvas, l: &Layout) {
        let Rect { x, y, w, h } = l.plot;
        let dashed = Stroke { dashed: true, ..Stroke::new(MUTED, 1.5) };
        let words = TextStyle { halo: true, ..TextStyle::new(SMALL_SIZE).color(MUTED) };
        for mark in &self.marks {
            match mark {
                Mark::Vertical(at, label) => {
                    let px = x + w * l.x.fraction(*at);
                    canvas.line((px, y), (px, y + h), dashed);
                    let lines = text::wrap(label, SMALL_SIZE, Face::Sans, (w / 2.0 - 10.0).max(40.0));
                    let beyond = px > x + w / 2.0 && px + 8.0 + widest(&lines) > x + w;
                    let (tx, anchor) = if beyond { (px - 7.0, Anchor::End) } else { (px + 7.0, Anchor::Start) };
                    canvas.lines_below(tx, y + 2.0, &lines, words.anchor(anchor));
                }
                Mark::Horizontal(at, label) => {
                    let py = y + h * (1.0 - l.y.fraction(*at));
                    canvas.line((x, py), (x + w, py), dashed);
                    let lines = text::wrap(label, SMALL_SIZE, Face::Sans, (w - 8.0).max(40.0));
                    let height = SMALL_SIZE * LEADING * lines.len() as f64;
                    let top = if py - y > height { py - height - 2.0 } else { py + 3.0 };
                    canvas.lines_below(x + w - 4.0, top, &lines, words.anchor(Anchor::End));
                }
                Mark::Note(at, up, label) => {
                    let (px, py) = (x + w * l.x.fraction(*at), y + h * (1.0 - l.y.fraction(*up)));
                    let half = text::width(label, SMALL_SIZE, Face::Sans) / 2.0;
                    let px = px.min(x + w - half).max(x + half);
                    canvas.text(px, py - 7.0, label, TextStyle { color: INK, ..words }.anchor(Anchor::Middle));
                }
            }
        }
    }

    /// Names at the right ends, moved apart where they would touch.
    fn draw_direct_labels(&self, canvas: &mut Canvas, l: &Layout) {
        let Rect { x, y, w, h } = l.plot;
        let mut places: Vec<(f64, usize)> = Vec::new();
        for (k, s) in self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()) {
            let last = (0..s.x.len()).filter(|&i| s.x[i] <= l.x.high).max_by(|&a, &b| s.x[a].total_cmp(&s.x[b]));
            let up = last.map_or(0.5, |i| l.y.fraction(s.y[i])).clamp(0.0, 1.0);
            places.push((y + h * (1.0 - up), k));
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // From the top down, each below the one before; then those pushed out of the plot move up again.
        let height = |k: usize| SMALL_SIZE * LEADING * l.direct[k].len() as f64;
        for i in 1..places.len() {
            let apart = 0.5 * (height(places[i - 1].1) + height(places[i].1));
            places[i].0 = places[i].0.max(places[i - 1].0 + apart);
        }
        let mut floor = y + h + 0.5 * SMALL_SIZE;
        for place in places.iter_mut().rev() {
            place.0 = place.0.min(floor - 0.5 * height(place.1));
            floor = place.0 - 0.5 * height(place.1);
        }
        for (py, k) in places {
            let style = TextStyle::new(SMALL_SIZE).color(self.color(k).mix(INK, 0.25));
            canvas.lines_centred(x + w + 10.0, py, &l.direct[k], style);
        }
    }
}

/// The sample of a series in the legend, `SWATCH` wide, centred on `y`.
fn swatch(canvas: &mut Canvas, s: &Series, color: Color, x: f64, y: f64) {
    let middle = x + SWATCH / 2.0;
    match &s.kind {
        Kind::Points => canvas.circle(middle, y, POINT_RADIUS + 0.6, Some(color), None),
        Kind::Bars(_) => {
            canvas.rect(Rect::new(x + 5.0, y - 7.0, SWATCH - 10.0, 14.0), 2.0, Some(color.mix(WHITE, 0.25)), None)
        }
        Kind::Arrows(..) => draw_arrow(canvas, (x + 2.0, y), (x + SWATCH - 2.0, y), color, 400.0),
        Kind::Line => {
            if s.band.is_some() || s.filled {
                canvas.rect(Rect::new(x, y - 7.0, SWATCH, 14.0), 0.0, Some(color.mix(WHITE, 0.83)), None);
            }
            let stroke = Stroke { dashed: s.dashed, ..Stroke::new(color, LINE_WIDTH) };
            canvas.line((x, y), (x + SWATCH, y), stroke);
        }
    }
}

/// Error bars of points and bars.
fn draw_whiskers(area: &Area<'_>, s: &Series, color: Color) -> Result<()> {
    let Some((low, high)) = &s.band else { return Ok(()) };
    for ((&x, &a), &b) in s.x.iter().zip(low).zip(high) {
        area.draw(&PathElement::new([(x, a), (x, b)], style(color, 1.0, 1.6))).map_err(failed)?;
    }
    Ok(())
}

/// A vector in logical pixels; its head shrinks with it.
fn draw_arrow(canvas: &mut Canvas, a: (f64, f64), b: (f64, f64), color: Color, side: f64) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy);
    if length < 0.5 {
        return;
    }
    let head = (0.45 * length).min(0.025 * side).clamp(2.0, 9.0);
    let stop = 1.0 - 0.6 * head / length;
    canvas.line(a, (a.0 + dx * stop, a.1 + dy * stop), Stroke::new(color, 1.5));
    canvas.arrow_head(b, (dx, dy), head, color);
}
