// bench/chart.mjs - a bar chart as a standalone SVG file.
const escape = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);

// Round steps of an axis that reaches `max` in four to eight of them.
function ticks(max) {
    const power = 10 ** Math.floor(Math.log10(max));
    const step = [0.1, 0.2, 0.25, 0.5, 1, 2].map((s) => s * power).find((s) => max / s <= 8);
    return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => +(i * step).toFixed(6));
}

// Horizontal bars in groups.  series: [{name, color}]; groups: [{name, bars: [{value, text} or null, one for each
// series]}]; `unit` names the axis, `mark` is a value to draw a line at.
export function barChart({ title, subtitle, unit, mark, series, groups }) {
    const bar = 15, gap = 16, left = 190, width = 900, right = 130, top = 96;
    const most = Math.max(...groups.flatMap((g) => g.bars.filter(Boolean).map((b) => b.value)), mark || 0);
    const x = (v) => left + (v / (most * 1.02)) * (width - left - right);
    const heights = groups.map((g) => g.bars.filter(Boolean).length * bar + gap);
    const bottom = top + heights.reduce((a, b) => a + b, 0), height = bottom + 44;
    const out = [];
    const text = (px, py, s, extra = '') => out.push(`<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${extra}>${escape(s)}</text>`);
    out.push(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="#222">`);
    out.push(`<title>${escape(title)}</title><rect width="${width}" height="${height}" fill="#fff"/>`);
    text(20, 28, title, 'font-size="17" font-weight="bold"');
    text(20, 48, subtitle, 'fill="#666"');
    let lx = 20;
    for (const s of series) {
        out.push(`<rect x="${lx}" y="62" width="12" height="12" fill="${s.color}"/>`);
        text(lx + 17, 72, s.name);
        lx += 38 + s.name.length * 7.4;
    }
    for (const t of ticks(most)) {
        out.push(`<line x1="${x(t).toFixed(1)}" x2="${x(t).toFixed(1)}" y1="${top - 6}" y2="${bottom - 4}" stroke="#e4e4e4"/>`);
        text(x(t), bottom + 12, t, 'text-anchor="middle" fill="#666"');
    }
    text((left + width - right) / 2, bottom + 32, unit, 'text-anchor="middle" fill="#666"');
    if (mark) out.push(`<line x1="${x(mark).toFixed(1)}" x2="${x(mark).toFixed(1)}" y1="${top - 6}" y2="${bottom - 4}" stroke="#444" stroke-dasharray="4 3"/>`);
    let y = top;
    groups.forEach((g, i) => {
        text(left - 10, y + (heights[i] - gap) / 2 + 4, g.name, 'text-anchor="end"');
        g.bars.forEach((b, k) => {
            if (!b) return;
            out.push(`<rect x="${left}" y="${y + 1}" width="${(x(b.value) - left).toFixed(1)}" height="${bar - 2}" fill="${series[k].color}"><title>${escape(series[k].name + ': ' + b.text)}</title></rect>`);
            text(x(b.value) + 5, y + bar - 4, b.text, 'font-size="11" fill="#444"');
            y += bar;
        });
        y += gap;
    });
    out.push('</svg>\n');
    return out.join('\n');
}
