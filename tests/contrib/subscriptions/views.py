"""The page of a ticket, with the buttons."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template

from tests.contrib.subscriptions.models import Ticket

PAGE = Template("{% load subscriptions %}{% watch_button ticket %}")


def page(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(PAGE.render(RequestContext(request, {"ticket": Ticket.objects.get(pk=pk)})))
