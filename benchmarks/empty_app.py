"""The least that a CDK app in Python can be: what synthesis costs before it does anything."""

from aws_cdk import App, Stack

app = App()
Stack(app, "Empty")
app.synth()
