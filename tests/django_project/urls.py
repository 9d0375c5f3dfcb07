"""The URLs, in both of Django's ways to write them."""

from django.urls import path, re_path

from . import views

handler500 = views.server_error

urlpatterns = [
    path("", views.page),
    path("ready", views.page),
    path("async", views.page_async),
    path("items/<int:pk>/", views.item),
    re_path(r"^parts/(?P<pk>[0-9^]+)/$", views.item),
    path("visits", views.visits),
    path("visits-async", views.visits_async),
    path("sign-in", views.sign_in),
    path("sign-out", views.sign_out),
    path("me", views.me),
    path("me-async", views.me_async),
    path("crash", views.crash),
    path("crash-async", views.crash_async),
    path("stream", views.stream),
]
