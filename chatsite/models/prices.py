"""What language models cost here, where that is not what their provider publishes."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.budget import Price


class ModelPrice(models.Model):
    """US dollars for a million tokens of one model."""

    model = models.CharField(
        _("model"), max_length=120, unique=True, help_text=_("Its name, as in CHAT_MODEL and in the list of questions.")
    )
    input = models.DecimalField(
        _("read"), max_digits=12, decimal_places=6, validators=[MinValueValidator(0)],
        help_text=_("US dollars for a million tokens that it reads."),
    )  # fmt: skip
    output = models.DecimalField(
        _("written"), max_digits=12, decimal_places=6, validators=[MinValueValidator(0)],
        help_text=_("US dollars for a million tokens that it writes."),
    )  # fmt: skip
    cached = models.DecimalField(
        _("read again"), max_digits=12, decimal_places=6, validators=[MinValueValidator(0)], null=True, blank=True,
        help_text=_("The same for what the provider had kept of them; empty: as what is read."),
    )  # fmt: skip
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        ordering = ["model"]
        verbose_name = _("price of a model")
        verbose_name_plural = _("prices of models")

    def __str__(self) -> str:
        return self.model

    @property
    def price(self) -> Price:
        return Price(self.input, self.output, self.cached)
