//! Bars in groups.

use super::PlotError;
use super::chart::{label, to_error};
use super::{Scale, ranges::range_of};
use plotters::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Height of a bar and of the space between groups (px).
const BAR_PX: u32 = 20;
const GAP_PX: u32 = 14;
/// What title and axis take (px).
const REST_PX: u32 = 130;

/// Room for the legend beside the bars, as a share of theirs.
const LEGEND_SHARE: f64 = 0.2;

/// A bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is, in the legend; bars of one colour have one label.
    pub label: String,
    /// Its colour.
    pub color: RGBColor,
    /// Its length.
    pub value: f64,
}

/// Groups of horizontal bars.
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    /// What it shows.
    pub title: String,
    /// Name and unit of the values.
    pub x: String,
    /// How the axis is divided; bars begin at zero, on a logarithmic one at its left end, where what is not positive has
    /// none.
    pub scale: Scale,
    /// Groups from top to bottom.
    pub groups: Vec<(String, Vec<Bar>)>,
}

impl BarChart {
    /// Draws the bars (SVG).
    ///
    /// # Errors
    /// [`PlotError`] names the file.
    pub fn draw(&self, path: &Path) -> Result<(), PlotError> {
        self.draw_to(path).map_err(|error| to_error(path, error.as_ref()))
    }

    fn draw_to(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let place = |value: f64| if self.scale == Scale::Logarithmic { value.log10() } else { value };
        let bars: usize = self.groups.iter().map(|(_, bars)| bars.len()).sum();
        let height = bars as u32 * BAR_PX + self.groups.len() as u32 * GAP_PX;
        let values = || self.groups.iter().flat_map(|(_, bars)| bars).map(|bar| place(bar.value));
        let mut x_range = range_of(values(), self.scale != Scale::Logarithmic);
        let left = x_range.start;
        let begin = if self.scale == Scale::Logarithmic { left } else { 0.0 };
        let labels: BTreeSet<&str> = self.groups.iter().flat_map(|(_, bars)| bars).map(|bar| &*bar.label).collect();
        if labels.len() > 1 {
            x_range.end += LEGEND_SHARE * (x_range.end - left);
        }
        let canvas = SVGBackend::new(path, (900, height + REST_PX)).into_drawing_area();
        canvas.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&canvas)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(230)
            .build_cartesian_2d(x_range, f64::from(height)..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .x_label_formatter(&|value| label(*value, self.scale))
            .x_desc(&self.x)
            .draw()?;
        let mut top = f64::from(GAP_PX) / 2.0;
        let mut known: Vec<&str> = Vec::new();
        for (name, bars) in &self.groups {
            let middle = top + f64::from(BAR_PX) * bars.len() as f64 / 2.0;
            let (x, y) = chart.backend_coord(&(left, middle));
            let style = TextStyle::from(("sans-serif", 14)).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ));
            canvas.draw(&Text::new(name.as_str(), (x - 8, y), style))?;
            for bar in bars {
                let end = Some(place(bar.value)).filter(|end| end.is_finite()).unwrap_or(begin);
                let corners = [(begin, top + 2.0), (end, top + f64::from(BAR_PX) - 2.0)];
                let series = chart.draw_series([Rectangle::new(corners, bar.color.filled())])?;
                if !known.contains(&bar.label.as_str()) {
                    let color = bar.color;
                    series
                        .label(&bar.label)
                        .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 22, y + 5)], color.filled()));
                    known.push(&bar.label);
                }
                top += f64::from(BAR_PX);
            }
            top += f64::from(GAP_PX);
        }
        if labels.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::LowerRight)
                .label_font(("sans-serif", 15))
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()?;
        }
        canvas.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_named_and_what_is_not_finite_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.svg");
        let bar = |label: &str, value| Bar { label: label.into(), color: super::super::policy_color(label), value };
        let chart = BarChart {
            title: "bars".into(),
            x: "time (ms)".into(),
            scale: Scale::Logarithmic,
            groups: vec![("first".into(), vec![bar("mixed", 10.0), bar("half", f64::INFINITY)])],
        };
        chart.draw(&path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(["first", "mixed", "half", "time (ms)"].iter().all(|word| svg.contains(word)));
        assert!(!svg.contains("inf") && !svg.contains("NaN"));
    }

    #[test]
    fn bars_begin_at_zero_to_either_side() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.svg");
        let bar = |label: &str, value| Bar { label: label.into(), color: super::super::policy_color(label), value };
        let groups = vec![("first".into(), vec![bar("mixed", -5.0), bar("half", 10.0)])];
        let chart = BarChart { title: "bars".into(), x: "saved (%)".into(), scale: Scale::FromZero, groups };
        chart.draw(&path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        let ends = |label: &str| {
            let RGBColor(red, green, blue) = super::super::policy_color(label);
            let fill = format!("#{red:02X}{green:02X}{blue:02X}");
            let rectangle = svg.lines().find(|line| line.contains("<rect") && line.contains(&fill)).unwrap();
            let number = |name: &str| -> f64 {
                let (_, rest) = rectangle.split_once(&format!(" {name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            [number("x"), number("x") + number("width")]
        };
        assert!((ends("mixed")[1] - ends("half")[0]).abs() <= 1.0, "{:?} {:?}", ends("mixed"), ends("half"));
    }
}
