"""The page of a ticket, with the buttons."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template

from tests.contrib.subscriptions.models import Ticket


def page(request: HttpRequest, pk: int) -> HttpResponse:
    template = Template("{% load subscriptions %}{% watch_button ticket %}")
    return HttpResponse(template.render(RequestContext(request, {"ticket": Ticket.objects.get(pk=pk)})))
