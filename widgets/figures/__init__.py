"""Pure functions from data to a Plotly figure: for notebooks, dashboards and reports alike.

Each takes `dark` and `height` and changes nothing but the figure that it returns.
"""

from marslab.widgets.figures.ablation_effects import ablation_effects
from marslab.widgets.figures.auditor_calibration import auditor_calibration
from marslab.widgets.figures.auditor_draws import auditor_draws
from marslab.widgets.figures.auditor_steps import auditor_steps, auditor_waves
from marslab.widgets.figures.auditor_sweep import auditor_sweep
from marslab.widgets.figures.auditor_thresholds import auditor_thresholds
from marslab.widgets.figures.chunks import chunk_steps
from marslab.widgets.figures.competition import competition
from marslab.widgets.figures.continual_course import continual_course
from marslab.widgets.figures.continual_matrix import continual_matrix
from marslab.widgets.figures.continual_pixels import continual_pixels
from marslab.widgets.figures.continual_scores import continual_scores
from marslab.widgets.figures.cost_against_score import cost_against_score
from marslab.widgets.figures.curves import curves
from marslab.widgets.figures.distances import hamming_distances
from marslab.widgets.figures.floors import times_of_floor
from marslab.widgets.figures.hdc_capacity import Recall, hdc_capacity
from marslab.widgets.figures.hdc_confusion import hdc_confusion
from marslab.widgets.figures.hdc_similarity import hdc_similarity
from marslab.widgets.figures.idme_candidates import idme_candidates
from marslab.widgets.figures.idme_efficiencies import idme_efficiencies
from marslab.widgets.figures.idme_hankel import idme_hankel
from marslab.widgets.figures.idme_mask import idme_mask
from marslab.widgets.figures.idme_pool import idme_pool
from marslab.widgets.figures.learning_curves import learning_curves
from marslab.widgets.figures.log_lines import log_lines
from marslab.widgets.figures.matrix import matrix_heatmap
from marslab.widgets.figures.neighbours import neighbour_map, plane
from marslab.widgets.figures.orbits import orbits
from marslab.widgets.figures.products import products
from marslab.widgets.figures.promises import against_bounds, verdict_counts
from marslab.widgets.figures.recalled import recalled_bars
from marslab.widgets.figures.records_table import records_table
from marslab.widgets.figures.repeated_writes import repeated_writes
from marslab.widgets.figures.sequence import scan_lines, spread, state_heatmap
from marslab.widgets.figures.similarity import similarity_bars
from marslab.widgets.figures.singular_values import singular_values
from marslab.widgets.figures.speed import roofline, timing_bars
from marslab.widgets.figures.step_laws import step_laws
from marslab.widgets.figures.storage import storage_bars
from marslab.widgets.figures.style import COLOURS, CONFIG, colour, theme
from marslab.widgets.figures.surprise import surprise_bars
from marslab.widgets.figures.sweep_errors import sweep_errors
from marslab.widgets.figures.sweeps import solve_sweeps
from marslab.widgets.figures.thought_paths import thought_paths
from marslab.widgets.figures.value_levels import value_levels
from marslab.widgets.figures.wave_answers import wave_answers
from marslab.widgets.figures.wave_experts import wave_experts
from marslab.widgets.figures.wave_heatmap import wave_heatmap
from marslab.widgets.figures.wave_memory import wave_memory
from marslab.widgets.figures.weights import weight_levels

__all__ = [
    "COLOURS",
    "CONFIG",
    "Recall",
    "ablation_effects",
    "against_bounds",
    "auditor_calibration",
    "auditor_draws",
    "auditor_steps",
    "auditor_sweep",
    "auditor_thresholds",
    "auditor_waves",
    "chunk_steps",
    "colour",
    "competition",
    "continual_course",
    "continual_matrix",
    "continual_pixels",
    "continual_scores",
    "cost_against_score",
    "curves",
    "hamming_distances",
    "hdc_capacity",
    "hdc_confusion",
    "hdc_similarity",
    "idme_candidates",
    "idme_efficiencies",
    "idme_hankel",
    "idme_mask",
    "idme_pool",
    "learning_curves",
    "log_lines",
    "matrix_heatmap",
    "neighbour_map",
    "orbits",
    "plane",
    "products",
    "recalled_bars",
    "records_table",
    "repeated_writes",
    "roofline",
    "scan_lines",
    "similarity_bars",
    "singular_values",
    "solve_sweeps",
    "spread",
    "state_heatmap",
    "step_laws",
    "storage_bars",
    "surprise_bars",
    "sweep_errors",
    "theme",
    "thought_paths",
    "times_of_floor",
    "timing_bars",
    "value_levels",
    "verdict_counts",
    "wave_answers",
    "wave_experts",
    "wave_heatmap",
    "wave_memory",
    "weight_levels",
]
